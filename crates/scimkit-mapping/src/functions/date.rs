//! Functions on dates. A date is text between functions: `M/d/yyyy h:mm:ss tt` in UTC.

use jiff::civil::{DateTime, Weekday};
use jiff::{SignedDuration, Span};
use scimkit_types::Value;

use super::{Function, Gives, net_date};
use crate::expression::{Call, Outcome, Stop, owned};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("CDate", &["expression"], c_date).gives(Gives::Date),
    Function::new("DateAdd", &["interval", "value", "dateTime"], date_add).gives(Gives::Date),
    Function::new("DateDiff", &["interval", "date1", "date2"], date_diff).gives(Gives::Integer),
    Function::new("DateFromNum", &["value"], date_from_num).gives(Gives::Date),
    Function::new("FormatDateTime", &["source", "dateTimeStyles", "inputFormat", "outputFormat"], format_date_time).required(1).at_least(3),
    Function::new("Now", &[], |call| print(call, 0, Some(net_date::utc(call.context.environment.now)))).gives(Gives::Date),
    Function::new("NumFromDate", &["value"], num_from_date).gives(Gives::Integer),
];

/// The first tick that Windows counts from.
const WINDOWS_EPOCH: DateTime = DateTime::constant(1601, 1, 1, 0, 0, 0, 0);
/// Nanoseconds of one tick.
const TICK: i128 = 100;

fn print(call: Call<'_>, index: usize, date: Option<DateTime>) -> Outcome<'_> {
    let text = date.and_then(net_date::print);
    owned(text.ok_or_else(|| call.expected(index, "a date in the years 1 to 9999"))?)
}

/// The argument as a date; `None` for null and empty text.
fn date(call: Call<'_>, index: usize) -> Result<Option<DateTime>, Stop> {
    let Some(text) = call.present(index)? else { return Ok(None) };
    net_date::read(&text).map(Some).ok_or_else(|| call.expected(index, "a date such as `2026-03-16T07:00:00Z`"))
}

fn c_date(call: Call<'_>) -> Outcome<'_> {
    match date(call, 0)? {
        Some(date) => print(call, 0, Some(date)),
        None => owned(Value::Null),
    }
}

const INTERVALS: &str = "`yyyy`, `m`, `d`, `ww`, `h`, `n` or `s`";

/// A month or year later is the same day of the month, or the month's last one.
fn date_add(call: Call<'_>) -> Outcome<'_> {
    let interval = call.text(0)?.unwrap_or_default();
    let count = call.required_integer(1)?;
    let Some(date) = date(call, 2)? else { return owned(Value::Null) };
    let span = Span::new();
    let span = match &*interval {
        "yyyy" => span.try_years(count),
        "m" => span.try_months(count),
        "d" => span.try_days(count),
        "ww" => span.try_weeks(count),
        "h" => span.try_hours(count),
        "n" => span.try_minutes(count),
        "s" => span.try_seconds(count),
        _ => return Err(call.expected(0, INTERVALS)),
    };
    print(call, 1, span.ok().and_then(|span| date.checked_add(span).ok()))
}

/// The second date less the first. Days and smaller units count whole ones, months and years by the calendar, weeks by Sundays.
fn date_diff(call: Call<'_>) -> Outcome<'_> {
    let interval = call.text(0)?.unwrap_or_default();
    let (Some(from), Some(to)) = (date(call, 1)?, date(call, 2)?) else { return owned(Value::Null) };
    let seconds = from.duration_until(to).as_secs();
    let months = |date: DateTime| i64::from(date.year()) * 12 + i64::from(date.month());
    let difference = match &*interval {
        "yyyy" => i64::from(to.year()) - i64::from(from.year()),
        "m" => months(to) - months(from),
        "d" => seconds / 86_400,
        "ww" => (week_start(to) - week_start(from)) / 7,
        "h" => seconds / 3_600,
        "n" => seconds / 60,
        "s" => seconds,
        _ => return Err(call.expected(0, INTERVALS)),
    };
    owned(difference)
}

/// The number of the Sunday on or before a day, counted in days from a fixed day.
fn week_start(date: DateTime) -> i64 {
    let days = WINDOWS_EPOCH.date().duration_until(date.date()).as_hours() / 24;
    days - i64::from(date.weekday().since(Weekday::Sunday))
}

fn ticks(date: DateTime) -> i128 {
    WINDOWS_EPOCH.duration_until(date).as_nanos() / TICK
}

/// The date after so many tenths of a microsecond since the year 1601.
fn date_from_num(call: Call<'_>) -> Outcome<'_> {
    let Some(count) = call.integer(0)? else { return owned(Value::Null) };
    let elapsed = SignedDuration::try_from_nanos_i128(i128::from(count) * TICK).filter(|_| count >= 0);
    print(call, 0, elapsed.and_then(|elapsed| WINDOWS_EPOCH.checked_add(elapsed).ok()))
}

fn num_from_date(call: Call<'_>) -> Outcome<'_> {
    let Some(date) = date(call, 0)? else { return owned(Value::Null) };
    let count = i64::try_from(ticks(date)).ok().filter(|count| *count >= 0);
    let count = count.ok_or_else(|| call.expected(0, "a date from the year 1601"))?;
    owned(count.to_string())
}

/// With three arguments the styles are left out. Styles change nothing: white space around a date is always allowed.
fn format_date_time(call: Call<'_>) -> Outcome<'_> {
    let Some(source) = call.present(0)? else { return owned(Value::Null) };
    let input = call.len() - 2;
    let (from, to) = (call.text(input)?.unwrap_or_default(), call.text(input + 1)?.unwrap_or_default());
    let date = if from.is_empty() { net_date::read(&source) } else { net_date::read_format(&source, &from) };
    let date = date.ok_or_else(|| call.expected(0, "a date in the input format"))?;
    let text = net_date::print_format(date, &to).ok_or_else(|| call.expected(input + 1, "a date format that is supported"))?;
    owned(text)
}
