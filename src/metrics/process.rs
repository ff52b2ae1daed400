//! The process as Linux sees it, read from `/proc` at each scrape. Elsewhere there is nothing.

use std::fs;

use super::names::{
    PROCESS_CPU, PROCESS_FDS, PROCESS_MAX_FDS, PROCESS_RESIDENT, PROCESS_START, PROCESS_VIRTUAL,
};
use super::text::Page;

/// Of the clock in `/proc`: 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Writes what can be read, and leaves out what cannot.
pub(super) fn write_to(page: &mut Page) {
    let numbers = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let cpu = seconds(&numbers, 11).zip(seconds(&numbers, 12)).map(|(user, system)| user + system);
    page.family(&PROCESS_CPU).known(&[], cpu);
    page.family(&PROCESS_RESIDENT).known(&[], bytes(&status, "VmRSS:"));
    page.family(&PROCESS_VIRTUAL).known(&[], bytes(&status, "VmSize:"));
    page.family(&PROCESS_FDS).known(&[], open_files());
    page.family(&PROCESS_MAX_FDS).known(&[], most_open_files());
    let started = booted().zip(seconds(&numbers, 19)).map(|(boot, since_boot)| boot + since_boot);
    page.family(&PROCESS_START).known(&[], started);
}

/// A field of `/proc/self/stat` that counts ticks; 0 is the state, after the name in parentheses.
fn seconds(stat: &str, field: usize) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: f64 = fields.split_whitespace().nth(field)?.parse().ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

/// A line of `/proc/self/status`: `VmRSS:     1696 kB`.
fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

fn open_files() -> Option<usize> {
    // The directory that is read is open as well.
    fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1))
}

fn most_open_files() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// When the host was booted, in seconds since 1970.
fn booted() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}
