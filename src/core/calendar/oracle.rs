//! What calendars mean, said a second time: slowly, and without a line of theirs.
//!
//! Its own reader of crontab lines, its own civil dates, and a walk through every minute of UTC
//! that asks the zone database for nothing but the offset at that minute. A clock on the wall
//! normally shows one new minute a minute. When the offset grows it leaps, and what it leapt over
//! counts as shown at that moment; when it shrinks, nothing is new until it has caught up.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The five fields of a minute that a clock on the wall shows.
#[derive(Clone, Copy)]
struct Shown {
    minute: u8,
    hour: u8,
    day: u8,
    month: u8,
    weekday: u8,
}

/// A crontab line, read again.
pub(super) struct Line {
    /// For each field, in the order of the line, which values it names.
    values: [[bool; 60]; 5],
    either_day: bool,
}

impl Line {
    pub(super) fn read(text: &str) -> Self {
        let text = match text {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            line => line,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let values = std::array::from_fn(|index| read_field(index, fields[index]));
        let restricted = |index: usize| fields[index].as_bytes()[0] != b'*';
        Self { values, either_day: restricted(2) && restricted(4) }
    }

    fn names(&self, shown: Shown) -> bool {
        let [minutes, hours, days, months, weekdays] = &self.values;
        // The minute first: it rules most out, and this runs half a million times a year.
        if !minutes[usize::from(shown.minute)] || !hours[usize::from(shown.hour)] {
            return false;
        }
        let by_day = days[usize::from(shown.day)];
        let by_weekday = weekdays[usize::from(shown.weekday)];
        let day = if self.either_day { by_day || by_weekday } else { by_day && by_weekday };
        day && months[usize::from(shown.month)]
    }
}

fn read_field(index: usize, text: &str) -> [bool; 60] {
    const LIMITS: [(u8, u8); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
    let (lowest, highest) = LIMITS[index];
    let mut text = text.to_lowercase();
    if index == 4 {
        // From Sunday to Sunday is one day, from any other day to Sunday is up to the end.
        text = text.replace("sun-sun", "0").replace("0-sun", "0").replace("-sun", "-7");
    }
    let names: &[&str] = match index {
        3 => &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        4 => &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
        _ => &[],
    };
    for (position, name) in names.iter().enumerate() {
        text = text.replace(name, &(position + usize::from(lowest)).to_string());
    }
    let mut values = [false; 60];
    for item in text.split(',') {
        let mut parts = item.split('/');
        let (range, step) = (parts.next().unwrap(), parts.next());
        let mut ends = range.split('-').map(|end| end.parse::<u8>().ok());
        let (first, last) = match (ends.next().unwrap(), ends.next()) {
            (None, _) => (lowest, highest),
            (Some(first), Some(last)) => (first, last.unwrap()),
            (Some(first), None) if step.is_some() => (first, highest.max(first)),
            (Some(first), None) => (first, first),
        };
        let mut value = first;
        while value <= last {
            values[usize::from(if index == 4 && value == 7 { 0 } else { value })] = true;
            value += step.map_or(1, |step| step.parse().unwrap());
        }
    }
    values
}

/// A stretch of time walked minute by minute in one zone.
pub(super) struct Walk {
    pub(super) zone: String,
    /// Unix minutes, the end excluded.
    pub(super) start: i64,
    pub(super) end: i64,
    /// The unix minutes at which the offset changes.
    pub(super) changes: Vec<i64>,
    /// What is newly shown at each minute: from, until, as minutes since a wall clock's 1970.
    new: Vec<(i64, i64)>,
    shown: Vec<Shown>,
}

impl Walk {
    /// From the start of a UTC day, given as days since 1970, for so many days.
    pub(super) fn new(zone: &str, first_day: i64, days: i64) -> Self {
        let rules: TimeZone = TimeZoneDatabase::bundled().get(zone).unwrap();
        let wall = |minute: i64| {
            let at = Timestamp::from_second(minute * 60).unwrap();
            let offset = i64::from(rules.to_offset(at).seconds());
            assert_eq!(offset % 60, 0, "{zone} is not whole minutes from UTC");
            minute + offset / 60
        };
        let (start, end) = (first_day * 1_440, (first_day + days) * 1_440);
        let mut unseen = wall(start);
        let first_wall = unseen;
        let (mut new, mut changes) = (Vec::new(), Vec::new());
        let mut before = unseen - 1;
        for minute in start..end {
            let now = wall(minute);
            if now != before + 1 {
                changes.push(minute);
            }
            before = now;
            new.push((unseen, (now + 1).max(unseen)));
            unseen = unseen.max(now + 1);
        }
        let shown = (first_wall..unseen).map(show).collect();
        let zone = zone.to_owned();
        Self { zone, start, end, changes, new, shown }
    }

    /// The unix minutes that the line names, in order.
    pub(super) fn openings(&self, line: &Line) -> Vec<i64> {
        let first_wall = self.new[0].0;
        let mut openings = Vec::new();
        for (minute, (from, until)) in (self.start..).zip(&self.new) {
            let mut wall = *from;
            while wall < *until {
                let index = usize::try_from(wall - first_wall).unwrap();
                if line.names(self.shown[index]) {
                    openings.push(minute);
                    break;
                }
                wall += 1;
            }
        }
        openings
    }

    /// For each minute, whether its day is one from `from` to `to`, as (month, day).
    pub(super) fn on_days(&self, from: (u8, u8), to: (u8, u8)) -> Vec<bool> {
        let first_wall = self.new[0].0;
        let mut latest = self.shown[0];
        self.new
            .iter()
            .map(|(_, until)| {
                latest = self.shown[usize::try_from(until - first_wall - 1).unwrap()];
                (from..=to).contains(&(latest.month, latest.day))
            })
            .collect()
    }
}

/// What a clock shows so many minutes after it showed 1970-01-01 00:00, a Thursday.
fn show(wall: i64) -> Shown {
    let mut day = wall.div_euclid(1_440);
    let minute = wall.rem_euclid(1_440);
    let weekday = (day + 4).rem_euclid(7);
    let mut year = 1970;
    while day >= 365 + i64::from(leap(year)) {
        day -= 365 + i64::from(leap(year));
        year += 1;
    }
    let february = 28 + i64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let narrow = |value: i64| u8::try_from(value).unwrap();
    Shown {
        minute: narrow(minute % 60),
        hour: narrow(minute / 60),
        day: narrow(day + 1),
        month,
        weekday: narrow(weekday),
    }
}

/// The stretches, in unix seconds, in which something is open that opens at these minutes for so
/// many seconds each time. Those that touch are one.
pub(super) fn stretches(openings: &[i64], seconds: i64) -> Vec<(i64, i64)> {
    let mut stretches: Vec<(i64, i64)> = Vec::new();
    for opening in openings {
        let (opens, closes) = (opening * 60, opening * 60 + seconds);
        match stretches.last_mut() {
            Some(last) if opens <= last.1 => last.1 = closes,
            _ => stretches.push((opens, closes)),
        }
    }
    stretches
}

/// Days since 1970 of a date, counted.
pub(super) fn day_number(year: i64, month: u8, day: u8) -> i64 {
    let new_year: i64 = (1970..year).map(|year| 365 + i64::from(leap(year))).sum();
    let is_it = |shown: Shown| (shown.month, shown.day) == (month, day);
    (new_year..new_year + 366).find(|number| is_it(show(number * 1_440))).unwrap()
}

fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// A stream of numbers that is the same each time (splitmix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 1).cast_signed() % limit
    }

    pub(super) fn one_of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        let count = i64::try_from(choices.len()).unwrap();
        choices[usize::try_from(self.below(count)).unwrap()]
    }

    /// A crontab line of any shape that can be written.
    pub(super) fn line(&mut self) -> String {
        if self.below(40) == 0 {
            return self.one_of(&["@hourly", "@daily", "@weekly", "@monthly", "@midnight"]).into();
        }
        let fields: Vec<String> = (0..5).map(|index| self.field(index)).collect();
        fields.join(" ")
    }

    fn field(&mut self, index: usize) -> String {
        // Days and months mostly stay free, else most lines would name nothing in a year.
        if self.below(10) < [1, 3, 6, 8, 5][index] {
            return "*".to_owned();
        }
        let items = 1 + i64::from(self.below(3) == 0) * self.below(3);
        let items: Vec<String> = (0..items).map(|_| self.item(index)).collect();
        items.join(",")
    }

    fn item(&mut self, index: usize) -> String {
        let (lowest, highest) = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)][index];
        let step = 1 + self.below(highest);
        let first = lowest + self.below(highest - lowest + 1);
        let last = first + self.below(highest - first + 1);
        match self.below(8) {
            0 => "*".to_owned(),
            1 => format!("*/{step}"),
            2 => format!("{}/{step}", self.value(index, first)),
            3 => format!("{first}-{last}"),
            4 => format!("{}-{last}/{step}", self.value(index, first)),
            5 => format!("{}-{}", self.value(index, first), self.value(index, last)),
            _ => self.value(index, first),
        }
    }

    /// A value as a number or by its name.
    fn value(&mut self, index: usize, value: i64) -> String {
        const MONTHS: [&str; 12] =
            ["JAN", "Feb", "mar", "APR", "MAY", "jun", "Jul", "AUG", "SEP", "Oct", "NOV", "DEC"];
        const WEEKDAYS: [&str; 8] = ["SUN", "Mon", "TUE", "wed", "THU", "Fri", "SAT", "sun"];
        match index {
            3 if self.below(2) == 0 => MONTHS[usize::try_from(value - 1).unwrap()].to_owned(),
            4 if self.below(2) == 0 => WEEKDAYS[usize::try_from(value).unwrap()].to_owned(),
            _ => value.to_string(),
        }
    }
}
