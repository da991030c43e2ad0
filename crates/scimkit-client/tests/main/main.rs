//! The client against scripted peers, in virtual time.

/// Scripted transports, virtual time and what runs futures in it.
#[cfg(test)]
mod support;

/// Tokens on requests.
#[cfg(test)]
mod authorized;
/// Calls of the client and their results.
#[cfg(test)]
mod calls;
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
