//! Instants from text.

use crate::time::Timestamp;

/// The instant that an `xsd:dateTime` stands for; without a time zone it is taken as UTC (AMB-37). `None` if the text is none.
///
/// Digits beyond nanoseconds do not count. Seconds that are left out are 0, a zone may stand without its colon or minutes, and a leap second
/// is the second before it. Nothing is allocated.
///
/// ```
/// use scimkit_types::compare::instant;
/// assert_eq!(instant("2011-05-13T04:42:34Z"), instant("2011-05-13T06:42:34+02:00"));
/// assert_eq!(instant("2011-05-13"), None);
/// ```
pub fn instant(text: &str) -> Option<Timestamp> {
    let mut reader = Reader { rest: text.as_bytes() };
    let days = reader.date()?;
    reader.expect(b'T')?;
    let (second_of_day, nanosecond) = reader.time()?;
    let offset = reader.offset()?;
    let second = days * SECONDS_PER_DAY + second_of_day - offset;
    // What is out of range is not handed on, as errors are made with an allocation.
    let is_in_range = (Timestamp::MIN.as_second()..=Timestamp::MAX.as_second()).contains(&second);
    if is_in_range && reader.rest.is_empty() { Timestamp::new(second, nanosecond).ok() } else { None }
}

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// What of a text is not read yet.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    /// `-YYYY-MM-DD` or `YYYY-MM-DD`, as days since the beginning of 1970.
    fn date(&mut self) -> Option<i64> {
        let sign = if self.skip(b'-') { -1 } else { 1 };
        let year = sign * self.digits(4)?;
        self.expect(b'-')?;
        let month = self.digits(2)?;
        self.expect(b'-')?;
        let day = self.digits(2)?;
        let is_date = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        is_date.then(|| days_since_1970(year, month, day))
    }

    /// `hh:mm`, `hh:mm:ss` or `hh:mm:ss.s`, as seconds of the day and nanoseconds.
    fn time(&mut self) -> Option<(i64, i32)> {
        let hour = self.digits(2)?;
        self.expect(b':')?;
        let minute = self.digits(2)?;
        let (mut second, mut nanosecond) = (0, 0);
        if self.skip(b':') {
            second = self.digits(2)?;
            if self.skip(b'.') {
                nanosecond = self.fraction()?;
            }
        }
        // The end of a day is the beginning of the next one.
        let is_end = hour == 24 && minute == 0 && second == 0 && nanosecond == 0;
        let is_time = (hour < 24 || is_end) && minute < 60 && second <= 60;
        is_time.then(|| (hour * 3600 + minute * 60 + second.min(59), nanosecond))
    }

    /// The digits after a decimal point, as nanoseconds.
    fn fraction(&mut self) -> Option<i32> {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        let nanosecond = digits.iter().chain([b'0'; 9].iter()).take(9).fold(0, |number, digit| number * 10 + i32::from(digit - b'0'));
        (length > 0).then_some(nanosecond)
    }

    /// Nothing, `Z`, `+hh:mm`, `+hhmm` or `+hh`, as seconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        if self.rest.is_empty() || self.skip(b'Z') || self.skip(b'z') {
            return Some(0);
        }
        let sign = if self.skip(b'-') {
            -1
        } else {
            self.expect(b'+')?;
            1
        };
        let hour = self.digits(2)?;
        let minute = if self.skip(b':') || !self.rest.is_empty() { self.digits(2)? } else { 0 };
        (hour < 24 && minute < 60).then_some(sign * (hour * 3600 + minute * 60))
    }

    fn skip(&mut self, byte: u8) -> bool {
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip(byte).then_some(())
    }

    /// The number of exactly these many digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
    }
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    let is_leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap_year => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from the beginning of 1970 to a date of the Gregorian calendar.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years are counted from March, so that the leap day is the last one; then months have 30.6 days, rounded.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    const MARCH_1_OF_0: i64 = -719_468;
    MARCH_1_OF_0 + 365 * year + leap_days + (153 * month + 2) / 5 + day - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the library for time reads.
    fn expected(text: &str, is_local: bool) -> Option<Timestamp> {
        if !is_local {
            return text.parse().ok();
        }
        let local: jiff::civil::DateTime = text.parse().ok()?;
        local.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp())
    }

    proptest! {
        /// R7643-2.3.5-01: dates and times are those of the calendar, in range or not.
        #[test]
        fn instants_are_those_of_the_calendar(
            (year, month, day) in (0..=9999i32, 0..14u8, 0..33u8),
            (hour, minute, second) in (0..27u8, 0..62u8, 0..62u8),
            fraction in prop_oneof![Just(String::new()), "\\.[0-9]{1,9}"],
            zone in prop_oneof![Just(""), Just("Z"), Just("z"), Just("+02:00"), Just("-05:30"), Just("+0200"), Just("-11"), Just("+23:59"), Just("+02:60")],
        ) {
            prop_assume!(hour != 24);
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}");
            prop_assert_eq!(instant(&text), expected(&text, zone.is_empty()), "{}", text);
        }

        /// R7643-2.3.5-01: a text that is close to a dateTime is read as the library reads it, or not at all.
        #[test]
        fn what_is_close_is_no_other_instant(text in "[-+]?[0-9]{3,5}-[0-9]{1,2}-[0-9]{1,2}[Tt ][0-9:]{2,8}[.,]?[0-9]{0,3}[-+Zz]?[0-9:]{0,5}") {
            if let Some(found) = instant(&text).filter(|_| !text.starts_with('-') && !text.contains("T24:")) {
                let is_local = !text.ends_with(['Z', 'z']) && text.rfind(['+', '-']) < text.find('T');
                prop_assert_eq!(Some(found), expected(&text, is_local), "{}", text);
            }
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = days_since_1970(-801, 1, 1) - 1;
        for (year, month) in (-801..=2401).flat_map(|year| (1..=12).map(move |month| (year, month))) {
            for day in 1..=days_in_month(year, month) {
                let next = days_since_1970(year, month, day);
                assert_eq!(next, last + 1, "{year}-{month}-{day}");
                last = next;
            }
        }
        assert_eq!(days_since_1970(1970, 1, 1), 0);
    }

    /// R7643-2.3.5-01: what `xsd:dateTime` allows beyond RFC 3339.
    #[test]
    fn the_lexical_forms_of_the_schema_language_are_read() {
        let same = |left: &str, right: &str| assert_eq!(instant(left).unwrap(), instant(right).unwrap(), "{left} {right}");
        same("2011-05-13T24:00:00Z", "2011-05-14T00:00:00Z");
        same("2011-05-13T04:42:34.1234567899Z", "2011-05-13T04:42:34.123456789Z");
        same("2011-05-13T04:42Z", "2011-05-13T04:42:00Z");
        same("2011-05-13T04:42:34", "2011-05-13T04:42:34Z");
        assert!(instant("-0001-12-31T23:59:59Z").unwrap() < instant("0000-01-01T00:00:00Z").unwrap());
        for wrong in [
            "",
            "T",
            "2011-05-13",
            "2011-05-13T",
            "2011-05-13T24:00:01Z",
            "2011-05-13T04:42:34.Z",
            "2011-02-29T00:00:00Z",
            "2011-05-13T04:42:34ZZ",
            "2011-05-13T04:42:34+",
            "20110513T044234Z",
            "2011-05-13T04:42:34[UTC]",
            "9999-12-31T23:59:59Z",
            "soonThen",
        ] {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
    }
}
