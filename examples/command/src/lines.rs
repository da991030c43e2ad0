//! JSON Lines in, JSON Lines out.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use serde::Serialize;

/// The most bytes of a line, without its end.
pub const MAX_LINE: usize = 16 << 20;

/// Answers each line of the input by one line, in order, until the input ends; `answer` is told `None` of a line of more than [`MAX_LINE`].
///
/// What has been answered is written before more input is waited for.
///
/// # Errors
/// The input cannot be read or the output not be written.
pub fn answer_lines<A: Serialize>(input: impl Read, output: &mut dyn Write, answer: impl FnMut(Option<&[u8]>) -> A) -> io::Result<()> {
    answer_lines_within(MAX_LINE, input, output, answer)
}

fn answer_lines_within<A: Serialize>(
    limit: usize,
    input: impl Read,
    output: &mut dyn Write,
    mut answer: impl FnMut(Option<&[u8]>) -> A,
) -> io::Result<()> {
    let (mut input, mut output) = (BufReader::with_capacity(1 << 16, input), BufWriter::with_capacity(1 << 16, output));
    let mut line = Vec::new();
    loop {
        let answer = match read_line(&mut input, &mut line, limit)? {
            Line::None => return output.flush(),
            Line::Whole => answer(Some(&line)),
            Line::TooLong => answer(None),
        };
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
        if !input.buffer().contains(&b'\n') {
            output.flush()?;
        }
    }
}

/// The text of a line that may be a JSON object; to serde a list would be one too, with the members in order.
///
/// # Errors
/// What was expected, as a message: a shorter line, UTF-8, an object.
pub fn object(line: Option<&[u8]>) -> Result<&str, String> {
    let line = line.ok_or_else(|| format!("expected a line of at most {MAX_LINE} bytes"))?;
    let line = std::str::from_utf8(line).map_err(|error| format!("expected UTF-8, found {error}"))?;
    if line.trim_start().starts_with('{') { Ok(line) } else { Err("expected a JSON object".to_owned()) }
}

#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// The input has ended.
    None,
    /// All of a line, which the end of the input may end too.
    Whole,
    /// More than the limit; the line was skipped.
    TooLong,
}

/// Reads a line without its end; keeps no more than `limit` bytes of it.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>, limit: usize) -> io::Result<Line> {
    line.clear();
    let (mut is_begun, mut is_too_long) = (false, false);
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let ended = buffer.is_empty();
        let (part, consumed, is_last) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => (buffer.get(..end).unwrap_or_default(), end + 1, true),
            None => (buffer, buffer.len(), ended),
        };
        is_too_long |= line.len() + part.len() > limit;
        if !is_too_long {
            line.extend_from_slice(part);
        }
        input.consume(consumed);
        if ended && !is_begun {
            return Ok(Line::None);
        }
        is_begun = true;
        if is_last {
            return Ok(if is_too_long { Line::TooLong } else { Line::Whole });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a line, as its answer.
    fn text(line: Option<&[u8]>) -> Option<String> {
        line.map(|line| String::from_utf8(line.to_vec()).unwrap())
    }

    fn answers(input: &[u8], limit: usize) -> String {
        let mut output = Vec::new();
        answer_lines_within(limit, input, &mut output, text).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn every_line_has_an_answer_and_the_end_of_the_last_is_optional() {
        assert_eq!(answers(b"", 9), "");
        assert_eq!(answers(b"a\r\n\nb", 9), "\"a\\r\"\n\"\"\n\"b\"\n");
        assert_eq!(answers(b"a\n", 9), "\"a\"\n");
    }

    #[test]
    fn a_line_over_the_limit_is_skipped() {
        let mut line = Vec::new();
        // A buffer smaller than the lines, so that they come in pieces.
        let mut input = BufReader::with_capacity(3, &b"12345\n123456\n12345678901234567890\n\n1234"[..]);
        let mut next = || (read_line(&mut input, &mut line, 5).unwrap(), line.clone());
        assert_eq!(next(), (Line::Whole, b"12345".to_vec()));
        assert_eq!(next().0, Line::TooLong);
        assert_eq!(next().0, Line::TooLong);
        assert_eq!(next(), (Line::Whole, Vec::new()));
        assert_eq!(next(), (Line::Whole, b"1234".to_vec()));
        assert_eq!(next().0, Line::None);
        assert_eq!(answers(b"abc\nabcd\nef", 3), "\"abc\"\nnull\n\"ef\"\n");
    }

    #[test]
    fn a_line_that_is_no_object_is_told() {
        assert_eq!(object(Some(b" {}")), Ok(" {}"));
        assert_eq!(object(Some(b"[]")), Err("expected a JSON object".to_owned()));
        assert_eq!(object(None), Err("expected a line of at most 16777216 bytes".to_owned()));
        assert!(object(Some(b"{\xff")).is_err_and(|message| message.starts_with("expected UTF-8, found ")));
    }

    /// Gives one line with each read and remembers how much had been written by then.
    struct Dialogue<'a> {
        lines: Vec<&'static [u8]>,
        written: &'a std::cell::RefCell<Vec<u8>>,
        seen: Vec<usize>,
    }

    impl Read for Dialogue<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.seen.push(self.written.borrow().iter().filter(|byte| **byte == b'\n').count());
            let line = if self.lines.is_empty() { &b""[..] } else { self.lines.remove(0) };
            buffer[..line.len()].copy_from_slice(line);
            Ok(line.len())
        }
    }

    struct Shared<'a>(&'a std::cell::RefCell<Vec<u8>>);

    impl Write for Shared<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn answers_are_written_before_more_input_is_waited_for() {
        let written = std::cell::RefCell::new(Vec::new());
        let mut input = Dialogue { lines: vec![&b"a\n"[..], b"b\nc\nd", b"e\n"], written: &written, seen: Vec::new() };
        answer_lines(&mut input, &mut Shared(&written), text).unwrap();
        assert_eq!(input.seen, [0, 1, 3, 4]);
    }
}
