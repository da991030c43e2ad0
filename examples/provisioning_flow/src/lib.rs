//! The whole provisioning flow in one process: a directory, a service provider and the cycles between them.
//!
//! `main` is a thin shell over [`main_with`], so that tests can run the flow with options and a buffer through [`run`].

mod authorize;
mod authorize_server;
mod bad_day;
mod compare;
mod failure;
mod flow;
mod home;
mod job;
mod options;
mod service;
mod watch;

use std::io::Write;
use std::process::ExitCode;

pub use failure::{Failure, FailureKind};
pub use flow::run;
pub use options::{Day, Options, ServiceKind};

/// Runs the flow and gives the exit code: 0 in step, 1 with differences, 2 for wrong input, 3 for a cycle that failed, 130 when stopped.
pub fn main_with(options: Options, out: &mut (dyn Write + Send), err: &mut dyn Write) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(err, &Failure::input_because("cannot start a runtime", &error)),
    };
    match runtime.block_on(run(options, out)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => report(err, &failure),
    }
}

fn report(err: &mut dyn Write, failure: &Failure) -> ExitCode {
    // When standard error is gone there is nobody left to tell; the exit code says the rest.
    let _ = writeln!(err, "error: {failure}");
    failure.exit_code()
}
