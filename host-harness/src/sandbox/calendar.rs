//! Dates. It owns the arithmetic from Unix seconds to calendar days and back, in UTC; it knows
//! nothing of what the dates are for.

/// Unix seconds as v2 writes times: 2026-01-31T12:00:00.000Z.
pub(crate) fn iso_8601(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
}

/// The milliseconds since 1970 of a time as [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339) has it;
/// None of anything else.
pub(crate) fn parse_rfc_3339(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        are_digits.then(|| digits.parse().ok()).flatten()
    };
    let separators = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    let are_there = separators
        .iter()
        .all(|(place, mark)| text.get(*place..place + 1) == Some(mark));
    are_there.then_some(())?;
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
    };
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let offset = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        (sign @ ("+" | "-"), offset) => {
            let at = text.len() - offset.len();
            let (hours, minutes) = (number(at..at + 2)?, number(at + 3..at + 5)?);
            let is_offset = offset.len() == 5 && offset.get(2..3) == Some(":");
            (is_offset && hours < 24 && minutes < 60).then_some(())?;
            let minutes = hours * 60 + minutes;
            if sign == "+" { minutes } else { -minutes }
        }
        _ => return None,
    };
    let is_date = (1..=12).contains(&month) && date_of(days_of(year, month, day)).2 == day;
    (is_date && hour < 24 && minute < 60 && second < 61).then(|| {
        let seconds = days_of(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        (seconds - offset * 60) * 1000 + millis
    })
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
    fn reads_times_as_callers_write_them() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56.000Z", 951_827_696),
            ("2000-02-29T14:34:56+02:00", 951_827_696),
            ("2000-02-29T07:04:56.000000-05:30", 951_827_696),
        ] {
            assert_eq!(parse_rfc_3339(text), Some(seconds * 1000), "{text}");
        }
        assert_eq!(parse_rfc_3339("1970-01-01T00:00:01.5Z"), Some(1500));
        for text in [
            "",
            "1768478400",
            "2026-01-15",
            "2026-01-15T12:00:00",
            "2026-02-30T12:00:00Z",
            "2026-13-01T12:00:00Z",
            "2026-01-15T25:00:00Z",
            "2026-01-15T12:00:00X",
            "2026-01-15T12:00:00.Z5",
            "2026-01-15T12:00:00+9223372036854775807:00",
            "2026-01-15T12:00:00+-5:99",
            "2026-01-15T12:00:00+24:00",
            "2026-01-15T12:00:00+01:60",
            "2026-01-15T12:00:00+01:0",
            "2026-01-15T12:00:00+0100",
            "２026-01-15T12:00:00Z",
        ] {
            assert_eq!(parse_rfc_3339(text), None, "{text}");
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
