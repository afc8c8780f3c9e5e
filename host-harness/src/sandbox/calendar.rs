//! Dates. It owns the arithmetic from Unix seconds to calendar days and back, in UTC; it knows
//! nothing of what the dates are for.

/// Unix seconds as v2 writes times: 2026-01-31T12:00:00.000Z.
pub(crate) fn iso_8601(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
}

/// The date of a number of days since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`).
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The reverse of [`date_of`] (`days_from_civil`).
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The same time of day so many intervals later; the last of the month where the day is missing.
pub(crate) fn after(start: i64, interval: &str, count: i64) -> i64 {
    let count = count.clamp(1, 1200);
    let months = match interval {
        "day" => return start + count * 86_400,
        "week" => return start + count * 7 * 86_400,
        "year" => count * 12,
        _ => count,
    };
    let (days, time) = (start.div_euclid(86_400), start.rem_euclid(86_400));
    let (year, month, day) = date_of(days);
    let index = year * 12 + month - 1 + months;
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    let next_month = days_of(year + i64::from(month == 12), month % 12 + 1, 1);
    (days_of(year, month, 1) + day - 1).min(next_month - 1) * 86_400 + time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_times_as_v2_does() {
        assert_eq!(iso_8601(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso_8601(951_827_696), "2000-02-29T12:34:56.000Z");
        assert_eq!(iso_8601(1_798_761_599), "2026-12-31T23:59:59.000Z");
        for days in [-1, 0, 11_016, 11_017, 20_000, 47_540] {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), days);
        }
    }

    #[test]
    fn periods_end_on_the_same_day_or_the_last() {
        let day = |year, month, day| days_of(year, month, day) * 86_400 + 3600;
        for (start, interval, count, end) in [
            (day(2026, 1, 15), "month", 1, day(2026, 2, 15)),
            (day(2026, 1, 31), "month", 1, day(2026, 2, 28)),
            (day(2028, 1, 31), "month", 1, day(2028, 2, 29)),
            (day(2026, 12, 31), "month", 2, day(2027, 2, 28)),
            (day(2028, 2, 29), "year", 1, day(2029, 2, 28)),
            (day(2026, 11, 30), "month", 1, day(2026, 12, 30)),
            (day(2026, 1, 1), "week", 2, day(2026, 1, 15)),
            (day(2026, 1, 1), "day", 3, day(2026, 1, 4)),
        ] {
            assert_eq!(after(start, interval, count), end, "{interval} {count}");
        }
    }
}
