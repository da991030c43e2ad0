//! The client against scripted peers, in virtual time.

/// Scripted transports, virtual time and what runs futures in it.
#[cfg(test)]
mod support;

/// Tokens on requests.
#[cfg(test)]
mod authorized;
/// Bulk requests that are divided.
#[cfg(test)]
mod bulk;
/// Calls of the client and their results.
#[cfg(test)]
mod calls;
/// What a service provider can do.
#[cfg(test)]
mod capabilities;
/// What a service provider does wrong.
#[cfg(test)]
mod lint;
/// Queries over many pages.
#[cfg(test)]
mod pages;
/// Quotas in virtual time.
#[cfg(test)]
mod rate_limited;
/// Requests as values.
#[cfg(test)]
mod requests;
/// Sending again.
#[cfg(test)]
mod retry;
/// Calls that can be repeated, whatever happens to an answer.
#[cfg(test)]
mod safe;
/// What is printed holds no secret.
#[cfg(test)]
mod secrets;
/// Typed calls, and `/Me`.
#[cfg(test)]
mod typed;
