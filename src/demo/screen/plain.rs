//! The same without a terminal: one line for each thing that happens, each with its time.

use super::ink::{Ink, Line, escaped};
use super::{Ability, look};
use crate::core::fleet::Key;
use crate::core::time::Time;
use crate::demo::picture::{News, Places, Tone};

/// News as a line.
pub(in crate::demo) fn sentence(news: &News, ability: Ability) -> String {
    let mut line = Line::of(Ink::Dim, format!("{}  ", news.at));
    let ink = match news.tone {
        Tone::Step => Ink::Plain,
        Tone::Good => Ink::Good,
        Tone::Bad => Ink::Bad,
    };
    if !news.about.is_empty() {
        line.push(Ink::Bold, format!("{}  ", escaped(&news.about)));
    }
    line.push(ink, escaped(&news.text));
    line.written(ability.colour)
}

/// What is said first: how to look.
pub(in crate::demo) fn opening(
    at: Time,
    places: &Places,
    databases: &[Key],
    ability: Ability,
) -> Vec<String> {
    let say = |ink, text: String| {
        let mut line = Line::of(Ink::Dim, format!("{at}  "));
        line.push(ink, text);
        line.written(ability.colour)
    };
    let page = look::page(places);
    let first = format!("certrotor demo: {page}, or look from another terminal with");
    let first = say(Ink::Bold, first);
    let commands = look::commands(places, databases.first()).into_iter();
    let commands = commands.map(|(command, _)| say(Ink::Plain, format!("  {command}")));
    std::iter::once(first).chain(commands).collect()
}
