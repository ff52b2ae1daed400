use jiff::civil::{self, DateTime, date};

use super::*;

/// The next `count` wall times of a line.
fn following(text: &str, from: DateTime, count: usize) -> Vec<String> {
    let line = line(text);
    let next = |wall: &DateTime| line.next_after(*wall);
    let walls = std::iter::successors(line.next_after(from), next).take(count);
    walls.map(|wall| wall.strftime("%F %H:%M").to_string()).collect()
}

#[test]
fn every_way_to_write_weekdays_means_what_crontab_says() {
    const SUNDAY: civil::Date = date(2026, 11, 1);
    for (text, days) in [
        ("0", "Sun"),
        ("1", "Mon"),
        ("6", "Sat"),
        ("7", "Sun"),
        ("SUN", "Sun"),
        ("sat", "Sat"),
        ("0,7", "Sun"),
        ("1-5", "Mon Tue Wed Thu Fri"),
        ("MON-FRI", "Mon Tue Wed Thu Fri"),
        ("mon-5", "Mon Tue Wed Thu Fri"),
        ("5-7", "Sun Fri Sat"),
        ("FRI-SUN", "Sun Fri Sat"),
        ("6-7", "Sun Sat"),
        ("SAT,SUN", "Sun Sat"),
        ("SAT-SUN", "Sun Sat"),
        ("0-1", "Sun Mon"),
        ("SUN-MON", "Sun Mon"),
        ("SUN-SUN", "Sun"),
        ("7-7", "Sun"),
        ("0-7", "Sun Mon Tue Wed Thu Fri Sat"),
        ("0-6", "Sun Mon Tue Wed Thu Fri Sat"),
        ("1-7", "Sun Mon Tue Wed Thu Fri Sat"),
        ("MON-SUN", "Sun Mon Tue Wed Thu Fri Sat"),
        ("*", "Sun Mon Tue Wed Thu Fri Sat"),
        ("*/2", "Sun Tue Thu Sat"),
        ("*/3", "Sun Wed Sat"),
        ("*/7", "Sun"),
        ("1-7/2", "Sun Mon Wed Fri"),
        ("MON-FRI/2", "Mon Wed Fri"),
        ("3/2", "Wed Fri"),
        ("MON/3", "Mon Thu"),
        ("7/2", "Sun"),
        ("5-7/2,WED", "Sun Wed Fri"),
    ] {
        let line = line(&format!("0 12 * * {text}"));
        let named: Vec<String> = (0..7)
            .map(|day| SUNDAY.saturating_add(jiff::Span::new().days(day)).at(12, 0, 0, 0))
            .filter(|noon| line.latest_at_or_before(*noon) == Some(*noon))
            .map(|noon| noon.strftime("%a").to_string())
            .collect();
        assert_eq!(named.join(" "), days, "{text}");
    }
}

#[test]
fn lines_name_the_times_that_crontab_says() {
    let from = date(2026, 11, 23).at(21, 30, 0, 0);
    for (text, expected) in [
        ("30 21 * * *", ["2026-11-24 21:30", "2026-11-25 21:30"]),
        ("0 2 * * SAT,SUN", ["2026-11-28 02:00", "2026-11-29 02:00"]),
        ("*/20 22 * * *", ["2026-11-23 22:00", "2026-11-23 22:20"]),
        ("5/25 22 * * *", ["2026-11-23 22:05", "2026-11-23 22:30"]),
        ("10-20/5,40 22 * * *", ["2026-11-23 22:10", "2026-11-23 22:15"]),
        ("0 3 1 */3 *", ["2027-01-01 03:00", "2027-04-01 03:00"]),
        ("0 3 1 jan,Jul *", ["2027-01-01 03:00", "2027-07-01 03:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 31 * *", ["2026-12-31 00:00", "2027-01-31 00:00"]),
        ("0 0 13 * FRI", ["2026-11-27 00:00", "2026-12-04 00:00"]),
        ("0 0 1 12 TUE", ["2026-12-01 00:00", "2026-12-08 00:00"]),
        // A day field that begins with `*` restricts nothing by itself: both have to name the day.
        ("0 0 */2 * FRI", ["2026-11-27 00:00", "2026-12-11 00:00"]),
        ("0 0 13 * */5", ["2026-12-13 00:00", "2027-06-13 00:00"]),
        // One that does not, does, even where it names every day.
        ("0 0 1-31 * FRI", ["2026-11-24 00:00", "2026-11-25 00:00"]),
        ("@hourly", ["2026-11-23 22:00", "2026-11-23 23:00"]),
        ("@daily", ["2026-11-24 00:00", "2026-11-25 00:00"]),
        ("@midnight", ["2026-11-24 00:00", "2026-11-25 00:00"]),
        ("@Weekly", ["2026-11-29 00:00", "2026-12-06 00:00"]),
        ("@monthly", ["2026-12-01 00:00", "2027-01-01 00:00"]),
        ("@yearly", ["2027-01-01 00:00", "2028-01-01 00:00"]),
        ("@annually", ["2027-01-01 00:00", "2028-01-01 00:00"]),
    ] {
        assert_eq!(following(text, from, 2), expected, "{text}");
    }
}

/// A line, and part of what is said about it.
const UNREADABLE: &str = r#"
0 2 * *                     | a crontab line has 5 fields (minute hour day-of-month month weekday), this
0 0 2 * * *                 | this one has 6
TZ=UTC 0 2 * * *            | this one has 6
60 2 * * *                  | minute "60": 60 is out of range; allowed: 0-59, with ranges
0 24 * * *                  | hour "24": 24 is out of range; allowed: 0-23
0 2 0 * *                   | day of month "0": 0 is out of range; allowed: 1-31
0 2 * 13 *                  | month "13": 13 is out of range; allowed: 1-12 or JAN-DEC
0 2 * * 8                   | weekday "8": 8 is out of range; allowed: 0-7 or SUN-SAT (0 and 7
0 2 * * 999999999999        | 999999999999 is out of range
0 2 * * FRI-MON             | the range FRI-MON runs backwards, write 5-6,0-1;
0 22-2 * * *                | hour "22-2": the range 22-2 runs backwards, write 22-23,0-2;
0 2 * * 5-0                 | the range 5-0 runs backwards, write 5-6,0;
0 2 * nov-feb *             | the range nov-feb runs backwards, write 11-12,1-2;
*/0 2 * * *                 | "0" is no step, a step is a number from 1 to 59;
*/60 2 * * *                | "60" is no step, a step is a number from 1 to 59;
0 */24 * * *                | "24" is no step, a step is a number from 1 to 23;
0/ 2 * * *                  | "" is no step
1,,2 2 * * *                | minute "1,,2": an item of the list is empty;
1, 3 * * *                  | an item of the list is empty
0 2 ? * *                   | day of month "?": "?" is neither a number nor a name that it knows;
0 2 L * *                   | "L" is neither a number nor a name
0 2 * * MON#1               | "MON#1" is neither
0 2 * * Montag              | "Montag" is neither
0 2 * * -5                  | "" is neither
0 2 JAN * *                 | day of month "JAN"
+1 2 * * *                  | "+1" is neither
** 2 * * *                  | "**" is neither
12*/2 2 * * *               | "12*" is neither
@dayly                      | "@dayly" is not a known word; allowed: @hourly @daily @midnight @weekly
@reboot                     | or five fields
0 0 30 2 *                  | "0 0 30 2 *" can never fire: no month that it allows has such a day
0 0 31 2,4,6,9,11 *         | can never fire
0 0 31 JUN *                | can never fire
"#;

#[test]
fn what_cannot_be_read_is_explained() {
    let too_long = "0,".repeat(200);
    let more = [
        ("", "this one has 0"),
        ("0 2 \u{661} * *", "is neither a number"),
        (&too_long, "a crontab line has at most 256 characters, this one has 400"),
    ];
    let rows = rows(UNREADABLE).map(|[text, message]| (text, message));
    for (text, message) in rows.chain(more) {
        let error = CronLine::parse(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn a_line_is_its_text() {
    let written = line(" 0  2\t* * SAT,SUN\n");
    assert_eq!(written.to_string(), "0 2 * * SAT,SUN");
    assert_eq!(written, line("0 2 * * SAT,SUN"));
    assert_ne!(written, line("0 2 * * 6,0"));
    let schedule = Schedule::new(line("@monthly"), zone("europe/berlin"));
    assert_eq!(schedule.to_string(), "@monthly Europe/Berlin");
}
