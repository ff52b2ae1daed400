//! Every zone of the database, around every change of its offset.

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

use super::*;

#[test]
fn every_zone_agrees_with_the_walk_wherever_its_offset_changes() {
    let (step, years) = sized((20, 2026..2027), (20, 2026..2027), (1, 2020..2040));
    let database = TimeZoneDatabase::bundled();
    let mut dice = Dice(2_000);
    let (mut zones, mut changes) = (0, 0);
    for name in database.available().step_by(step) {
        let Ok(rules) = database.get(name.as_str()) else {
            continue;
        };
        let offset = |day: i64| rules.to_offset(Timestamp::from_second(day * 86_400).unwrap());
        let days = day_number(years.start, 1, 1)..day_number(years.end, 1, 1);
        zones += usize::from(Zone::parse(name.as_str()).is_ok());
        for day in days.filter(|day| offset(*day) != offset(day + 1)) {
            let walk = Walk::new(name.as_str(), day - 2, 5);
            assert!(!walk.changes.is_empty(), "{} keeps its offset", walk.zone);
            changes += 1;
            for line in ["*/30 * * * *", "45 0-4 * * *", "20 23,0 * * *"] {
                line_agrees(&walk, &mut dice, line);
            }
        }
    }
    println!("{zones} zones and {changes} changes agree with the oracle");
}
