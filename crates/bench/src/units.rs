//! Sizes as people write them, and times as tables have them.

use std::time::Duration;

/// A number of bytes: `512`, `100 KiB`, `1MiB`, `2 GB`. `KB` is a thousand, `KiB` is 1,024.
///
/// # Errors
///
/// If it is not such a number, or zero.
pub fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("write it as 512, 100 KiB, 1 MiB or 2 GB".to_owned()),
    };
    let number: u64 = number.parse().map_err(|error| format!("{error}"))?;
    match number.checked_mul(factor) {
        Some(0) => Err("it is at least 1".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err("it is too large".to_owned()),
    }
}

/// A time in ms.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A size in the largest binary unit that divides it.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let fits = |&(shift, _): &(u32, &str)| bytes != 0 && bytes.is_multiple_of(1_u64 << shift);
    match units.into_iter().find(fits) {
        Some((shift, unit)) => format!("{} {unit}", bytes >> shift),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(bytes("512"), Ok(512));
        assert_eq!(bytes("100 KiB"), Ok(102_400));
        assert_eq!(bytes("2GB"), Ok(2_000_000_000));
        for wrong in ["", "KiB", "0", "1 KIB", "-1", "1.5 MiB", "99999999999 GiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_printed_in_the_unit_that_fits() {
        assert_eq!(size(102_400), "100 KiB");
        assert_eq!(size(1 << 20), "1 MiB");
        assert_eq!(size(500), "500 B");
    }
}
