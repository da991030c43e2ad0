//! Says what a SCIM service can do, what it does wrong, and how long a cycle would take. It changes nothing.

mod arguments;
mod estimate;
mod failure;
mod probe;

use std::io::Write;
use std::process::ExitCode;

pub use arguments::{Arguments, Rate};
pub use failure::Failure;
pub use probe::run;

/// Probes a service; what goes wrong is one line on `errors` and exit code 2.
pub fn main_with(arguments: &Arguments, out: &mut dyn Write, errors: &mut dyn Write) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(Failure::new("cannot start a runtime", &error)), errors),
    };
    let result = runtime.block_on(run(arguments));
    let result = result.and_then(|text| out.write_all(text.as_bytes()).map_err(|error| Failure::new("cannot write the result", &error)));
    finish(result, errors)
}

fn finish(result: Result<(), Failure>, errors: &mut dyn Write) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // When standard error is gone there is nobody left to tell; the exit code says the rest.
            let _ = writeln!(errors, "error: {failure}");
            ExitCode::from(2)
        }
    }
}
