//! Numbers in place of values, so that a state is small.

use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Interned<T> {
    values: Vec<T>,
    numbers: BTreeMap<String, u16>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: BTreeMap::new() }
    }
}

impl<T: Clone> Interned<T> {
    /// The number of this value, which is written so.
    pub(super) fn number(&mut self, value: &T, written: fn(&T) -> String) -> u16 {
        let values = &mut self.values;
        *self.numbers.entry(written(value)).or_insert_with(|| {
            values.push(value.clone());
            u16::try_from(values.len() - 1).unwrap()
        })
    }

    pub(super) fn value(&self, number: u16) -> &T {
        &self.values[usize::from(number)]
    }
}
