//! Tests over the documents in `testdata`.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod properties;
