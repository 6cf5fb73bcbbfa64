//! Sizes such as `100 MiB` and durations such as `30d`, as people write them.

use std::time::Duration;

const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Units with their length in milliseconds.
const DURATION_UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Reads a size in bytes: a whole number and a unit, with or without a space between them.
///
/// # Errors
///
/// What is wrong, in words for the person who wrote it.
pub(crate) fn parse_size_bytes(text: &str) -> Result<u64, String> {
    parse(text, &SIZE_UNITS).ok_or_else(|| {
        format!("`{text}` is no size; write a whole number and a unit, such as \"100 MiB\"")
    })
}

/// Reads a duration: a whole number and a unit, with or without a space between them.
///
/// # Errors
///
/// What is wrong, in words for the person who wrote it.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text, &DURATION_UNITS).map(Duration::from_millis).ok_or_else(|| {
        format!(
            "`{text}` is no duration; write a whole number and a unit, such as \"10 s\" or \"30d\""
        )
    })
}

/// Writes a size so that it reads back as exactly the same number of bytes.
#[must_use]
pub(crate) fn format_size_bytes(bytes: u64) -> String {
    let binary = SIZE_UNITS[..5].iter().rev();
    let (name, unit) = binary
        .copied()
        .find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit))
        .unwrap_or(SIZE_UNITS[0]);
    format!("{} {name}", bytes / unit)
}

/// Writes a duration so that it reads back as exactly the same number of milliseconds.
#[must_use]
pub(crate) fn format_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (name, unit) = DURATION_UNITS[..5]
        .iter()
        .rev()
        .copied()
        // 600 s says more to an operator than 10 min, a day more than 24 h.
        .filter(|(name, _)| *name != "m" && *name != "h")
        .find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit))
        .unwrap_or(DURATION_UNITS[0]);
    format!("{} {name}", millis / unit)
}

/// Writes a size for people, with at most one digit after the point: `1.2 TiB`, `256 MiB`.
#[must_use]
pub(crate) fn approximate_size(bytes: u64) -> String {
    let (name, unit) = SIZE_UNITS[..5]
        .iter()
        .rev()
        .copied()
        .find(|(_, unit)| bytes >= *unit)
        .unwrap_or(SIZE_UNITS[0]);
    if unit == 1 {
        return format!("{bytes} B");
    }
    let tenths = u128::from(bytes) * 10 / u128::from(unit);
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        tenth => format!("{}.{tenth} {name}", tenths / 10),
    }
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_as_people_write_them() {
        assert_eq!(parse_size_bytes("100 MiB"), Ok(104_857_600));
        assert_eq!(parse_size_bytes("16KiB"), Ok(16_384));
        assert_eq!(parse_size_bytes(" 2 GB "), Ok(2_000_000_000));
        assert_eq!(parse_duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(parse_duration("250 ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
    }

    #[test]
    fn a_bare_number_and_nonsense_are_refused() {
        for text in ["100", "MiB", "", "1.5 GiB", "-1 B", "99999999999 TiB", "100 mib"] {
            assert!(parse_size_bytes(text).is_err(), "{text}");
        }
        for text in ["10", "10 sec", "s", "1y"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for bytes in [0, 1, 1_000, 16 << 10, 100 << 20, (1 << 40) + 1, u64::MAX] {
            assert_eq!(parse_size_bytes(&format_size_bytes(bytes)), Ok(bytes));
        }
        for millis in [0, 250, 10_000, 600_000, 86_400_000, 86_400_001] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
        assert_eq!(format_duration(Duration::from_secs(600)), "600 s");
        assert_eq!(format_size_bytes(100 << 20), "100 MiB");
    }

    #[test]
    fn an_approximate_size_has_at_most_one_digit_after_the_point() {
        assert_eq!(approximate_size(256 << 20), "256 MiB");
        assert_eq!(approximate_size(1_319_413_953_331), "1.1 TiB");
        assert_eq!(approximate_size(1023), "1023 B");
        assert_eq!(approximate_size(13_002_342), "12.3 MiB");
    }
}
