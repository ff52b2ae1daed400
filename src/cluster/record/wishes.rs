//! From `spec` to wishes. What is wrong in a spec is told to its author and never widens what the
//! config file allows.

use crate::api::rotation::{RotationSpec, Window as Written};
use crate::core::calendar::{CronLine, Window, Windows, Zone};
use crate::core::certificate::sanitize;
use crate::core::fleet::Text;
use crate::core::policy::Lead;
use crate::core::record::Wishes;
use crate::core::time::Span;

/// What people ask for.
///
/// A `renewBefore` that cannot be understood is as if it were absent. A window that cannot be
/// understood is left out of its list, which narrows the list; when none is left of a list that had
/// some, rotations wait for an emergency, as they do outside every window.
pub fn wishes(spec: &RotationSpec) -> Wishes {
    let mut problems: Vec<Text> = Vec::new();
    let renew_before = spec.renew_before.as_ref().and_then(|written| {
        let lead = lead(written);
        if lead.is_none() {
            let problem = format!("spec.renewBefore {written:?}: write 45% or 30d or 36h");
            problems.push(sanitize(&problem).into());
        }
        lead
    });
    let written = spec.windows.as_deref().unwrap_or_default();
    let windows = (!written.is_empty()).then(|| windows(written, &mut problems));
    Wishes {
        suspend: spec.suspend.unwrap_or(false),
        requested_at: spec.requested_at.as_deref().map(Text::from),
        renew_before,
        windows,
        problems,
    }
}

fn windows(written: &[Written], problems: &mut Vec<Text>) -> Windows {
    let mut good = Vec::new();
    for (index, written) in written.iter().enumerate() {
        match window(written) {
            Ok(window) => good.push(window),
            Err(error) => {
                let problem = format!("spec.windows[{index}] is left out: {error}");
                problems.push(sanitize(&problem).into());
            }
        }
    }
    if good.is_empty() {
        return never();
    }
    Windows::new(good).unwrap_or_else(|error| {
        problems.push(sanitize(&format!("spec.windows: {error}")).into());
        never()
    })
}

fn window(written: &Written) -> Result<Window, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let open = CronLine::parse(&written.open).map_err(|error| said(&error))?;
    let zone = written.timezone.as_deref().map(Zone::parse).transpose();
    let zone = zone.map_err(|error| said(&error))?.unwrap_or_else(Zone::utc);
    let length = length(&written.r#for)
        .ok_or_else(|| format!("for {:?}: write 4h or 90m", written.r#for))?;
    Window::new(open, length, zone).map_err(|error| said(&error))
}

/// Open for one minute in four years, which the margins at both ends take away.
fn never() -> Windows {
    let open = CronLine::parse("0 0 29 2 *");
    let window = open.and_then(|open| Window::new(open, Span::MINUTE, Zone::utc()));
    window.and_then(|window| Windows::new(vec![window])).unwrap_or_default()
}

/// `45%`, or a length.
fn lead(written: &str) -> Option<Lead> {
    if let Some(percent) = written.strip_suffix('%') {
        let percent: u8 = percent.parse().ok()?;
        return (1..=99).contains(&percent).then_some(Lead::Percent(percent));
    }
    length(written).filter(|span| *span > Span::ZERO).map(Lead::Length)
}

/// `30d`, `1h 30m`, `1h30m`: whole numbers of seconds, minutes, hours, days and weeks.
fn length(written: &str) -> Option<Span> {
    let mut total = Span::ZERO;
    let mut rest = written;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let mut units = after.chars();
        let unit = match units.next()? {
            's' => Span::seconds(1),
            'm' => Span::MINUTE,
            'h' => Span::HOUR,
            'd' => Span::DAY,
            'w' => Span::days(7),
            _ => return None,
        };
        // Six digits at most, as the definition says.
        let number: i64 = number.parse().ok().filter(|_| digits <= 6)?;
        total = total + unit.scaled(number, 1);
        rest = units.as_str();
        rest = rest.strip_prefix(' ').filter(|rest| !rest.is_empty()).unwrap_or(rest);
    }
    (!written.is_empty()).then_some(total)
}
