//! Dates as .NET reads and writes them, by way of the `strftime` language.
//!
//! All dates are civil dates and times in UTC, so that every day up to the end of the year 9999 can be told.

use jiff::civil::DateTime;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// How the language writes a date when nothing else is said: `M/d/yyyy h:mm:ss tt`.
const DEFAULT_FORMAT: &str = "%-m/%-d/%Y %-I:%M:%S %p";

/// The present as a civil date and time in UTC.
pub(super) fn utc(instant: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(instant)
}

/// Writes a date in the default format; `None` before the year 1, where .NET has no dates.
pub(super) fn print(date: DateTime) -> Option<String> {
    if date.year() < 1 { None } else { strtime::format(DEFAULT_FORMAT, date).ok() }
}

/// Reads a date in one of the forms that need no format: ISO 8601 with or without time and offset, and the default format.
pub(crate) fn read(text: &str) -> Option<DateTime> {
    const FORMATS: [&str; 14] = [
        "%Y-%m-%dT%H:%M:%S%.f%:z",
        "%Y-%m-%dT%H:%M:%S%.fZ",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%dT%H:%M%:z",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d%:z",
        "%Y-%m-%dZ",
        "%Y-%m-%d",
        "%m/%d/%Y %I:%M:%S %p",
        "%m/%d/%Y %I:%M %p",
        "%m/%d/%Y %H:%M:%S",
        "%m/%d/%Y %H:%M",
        "%m/%d/%Y",
        "%Y%m%d",
    ];
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    // A blank or `T` separates date and time; only ISO dates begin with four digits and a dash.
    let is_iso = text.as_bytes().get(4) == Some(&b'-');
    let text = if is_iso { text.replacen(' ', "T", 1) } else { text.to_owned() };
    FORMATS.iter().find_map(|format| read_as(format, &text))
}

/// Reads a date in a .NET format.
pub(super) fn read_format(text: &str, format: &str) -> Option<DateTime> {
    let text = text.trim();
    if text.len() > 256 {
        return None;
    }
    let is_universal = format.contains('K') && text.ends_with('Z');
    if is_universal {
        let format = translate(&format.replace('K', "Z"))?;
        return read_as(&format, text);
    }
    read_as(&translate(format)?, text)
}

/// Writes a date in a .NET format.
pub(super) fn print_format(date: DateTime, format: &str) -> Option<String> {
    let zoned = date.to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let format = translate(&format.replace('K', "Z"))?;
    match zoned {
        Ok(zoned) => strtime::format(&format, &zoned).ok(),
        // The last hours of the year 9999 are no instant; they have no offset to write, and the rest is as well.
        Err(_) => strtime::format(&format, date).ok(),
    }
}

fn read_as(format: &str, text: &str) -> Option<DateTime> {
    let broken_down = BrokenDownTime::parse(format, text).ok()?;
    let local = broken_down.to_datetime().ok()?;
    let offset = broken_down.offset().map_or(0, |offset| i64::from(offset.seconds()));
    local.checked_sub(SignedDuration::from_secs(offset)).ok().filter(|date| date.year() >= 1)
}

/// A .NET format as a `strftime` format; `None` if it uses what cannot be told so, such as eras.
fn translate(format: &str) -> Option<String> {
    let standard = match format {
        "d" => "MM/dd/yyyy",
        "D" => "dddd, dd MMMM yyyy",
        "t" => "HH:mm",
        "T" => "HH:mm:ss",
        "f" => "dddd, dd MMMM yyyy HH:mm",
        "F" | "U" => "dddd, dd MMMM yyyy HH:mm:ss",
        "g" => "MM/dd/yyyy HH:mm",
        "G" => "MM/dd/yyyy HH:mm:ss",
        "m" | "M" => "MMMM dd",
        "y" | "Y" => "yyyy MMMM",
        "o" | "O" => "yyyy-MM-ddTHH:mm:ss.fffffffZ",
        "r" | "R" => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        "s" => "yyyy-MM-ddTHH:mm:ss",
        "u" => "yyyy-MM-dd HH:mm:ssZ",
        custom => custom,
    };
    let mut translated = String::new();
    let mut rest = standard;
    while let Some(first) = rest.chars().next() {
        let run = rest.find(|c| c != first).unwrap_or(rest.len());
        let mut used = run;
        match (first, run) {
            ('y', 1 | 2) => translated.push_str("%y"),
            ('y', _) => translated.push_str("%Y"),
            ('M', 1) => translated.push_str("%-m"),
            ('M', 2) => translated.push_str("%m"),
            ('M', 3) => translated.push_str("%b"),
            ('M', _) => translated.push_str("%B"),
            ('d', 1) => translated.push_str("%-d"),
            ('d', 2) => translated.push_str("%d"),
            ('d', 3) => translated.push_str("%a"),
            ('d', _) => translated.push_str("%A"),
            ('H', 1) => translated.push_str("%-H"),
            ('H', _) => translated.push_str("%H"),
            ('h', 1) => translated.push_str("%-I"),
            ('h', _) => translated.push_str("%I"),
            ('m', 1) => translated.push_str("%-M"),
            ('m', _) => translated.push_str("%M"),
            ('s', 1) => translated.push_str("%-S"),
            ('s', _) => translated.push_str("%S"),
            ('t', 2..) => translated.push_str("%p"),
            ('f', 1..=7) => {
                translated.push('%');
                translated.push(char::from_digit(u32::try_from(run).ok()?, 10)?);
                translated.push('f');
            }
            ('z', 3..) => translated.push_str("%:z"),
            ('z', _) => translated.push_str("%:::z"),
            ('t' | 'f' | 'F' | 'g' | 'K', _) => return None,
            ('\'' | '"', _) => {
                let (text, _) = rest.get(1..)?.split_once(first)?;
                used = text.len() + 2;
                translated.push_str(&text.replace('%', "%%"));
            }
            ('\\', _) => {
                let escaped = rest.chars().nth(1)?;
                used = 1 + escaped.len_utf8();
                translated.push_str(if escaped == '%' { "%%" } else { rest.get(1..used)? });
            }
            // A per cent sign only says that the letter behind it is no standard format.
            ('%', _) => used = 1,
            _ => translated.push_str(rest.get(..run)?),
        }
        rest = rest.get(used..)?;
    }
    Some(translated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_dot_net_read_and_write() {
        let date = read("2026-03-05T14:07:09.25+01:00").unwrap();
        for (format, text) in [
            ("M/d/yyyy h:mm:ss tt", "3/5/2026 1:07:09 PM"),
            ("yyyy-MM-ddTHH:mm:ss.fffZ", "2026-03-05T13:07:09.250Z"),
            ("dddd, d. MMMM yy", "Thursday, 5. March 26"),
            ("'day' dd\\d %d", "day 05d 5"),
            ("yyyyMMddHHmmss.fZ", "20260305130709.2Z"),
            ("s", "2026-03-05T13:07:09"),
            ("zzz", "+00:00"),
            ("K", "Z"),
        ] {
            assert_eq!(print_format(date, format).as_deref(), Some(text), "{format}");
        }
        assert_eq!(print_format(date, "gg"), None);
        assert_eq!(read_format("2026-12-31+02:00", "yyyy-MM-ddzzz"), read("2026-12-30 22:00"));
        assert_eq!(read_format("31.12.2026", "dd.MM.yyyy"), read("2026-12-31"));
        assert_eq!(read_format("31.12.26x", "dd.MM.yyyy"), None);
    }

    #[test]
    fn the_last_day_can_be_told() {
        assert_eq!(print(read("9999-12-31").unwrap()).as_deref(), Some("12/31/9999 12:00:00 AM"));
        assert_eq!(print_format(read("9999-12-31").unwrap(), "yyyy-MM-dd").as_deref(), Some("9999-12-31"));
        assert_eq!(read("tomorrow"), None);
    }

    #[test]
    fn dates_begin_with_the_year_one() {
        assert_eq!(print(read("0001-01-01").unwrap()).as_deref(), Some("1/1/0001 12:00:00 AM"));
        for text in ["0000-12-31", "0001-01-01T00:00:00+01:00", "-0001-01-01"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(print(DateTime::constant(0, 12, 31, 0, 0, 0, 0)), None);
    }
}
