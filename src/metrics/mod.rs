//! Prometheus metrics: facts are read off the fleet at each scrape, acts are counted as they
//! happen, and both are one page.

pub mod acts;
pub mod executor;
pub mod facts;
pub mod names;
mod process;
pub mod text;

use acts::Acts;
use text::Page;

/// The page of `/metrics`: these facts, then what was counted, then the process itself.
pub fn render(mut facts: Page, acts: &Acts) -> String {
    acts.write_to(&mut facts);
    process::write_to(&mut facts);
    facts.into_string()
}

#[cfg(test)]
mod tests;
