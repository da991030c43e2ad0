//! Tests over the documents in `testdata`.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod schemas;
