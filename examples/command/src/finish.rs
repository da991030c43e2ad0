//! How a program ends.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// Ends a program: its own exit code, or 2 with the failure and its causes on `errors`.
///
/// A reader that has read enough and left is no failure.
pub fn finish(result: Result<u8, impl Error>, errors: &mut dyn Write) -> ExitCode {
    let failure = match result {
        Ok(code) => return ExitCode::from(code),
        Err(failure) => failure,
    };
    let stream = failure.source().and_then(<dyn Error>::downcast_ref::<io::Error>);
    if stream.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    // Nobody is left to be told that the error could not be written.
    let _ = writeln!(errors, "error: {}", with_causes(&failure));
    ExitCode::from(2)
}

/// An error and its causes, those left out that only repeat what was said.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Failure {
        #[error("the file is at fault")]
        File(#[source] Box<Self>),
        #[error("the stream failed")]
        Stream(#[from] io::Error),
    }

    fn end(result: Result<u8, Failure>) -> (ExitCode, String) {
        let mut errors = Vec::new();
        let code = finish(result, &mut errors);
        (code, String::from_utf8(errors).unwrap())
    }

    #[test]
    fn a_failure_is_told_with_its_causes_once_each() {
        let stream = Failure::from(io::Error::other("the disk is full"));
        let failure = Failure::File(Box::new(Failure::File(Box::new(stream))));
        let told = "error: the file is at fault: the stream failed: the disk is full\n";
        assert_eq!(end(Err(failure)), (ExitCode::from(2), told.to_owned()));
    }

    #[test]
    fn a_program_has_its_own_exit_code_and_a_reader_may_leave() {
        assert_eq!(end(Ok(1)), (ExitCode::from(1), String::new()));
        let left = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(end(Err(left.into())), (ExitCode::SUCCESS, String::new()));
    }
}
