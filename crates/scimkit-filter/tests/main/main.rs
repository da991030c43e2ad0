//! The crate from outside.

#[cfg(test)]
mod errors;
#[cfg(test)]
mod evaluation;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod resolution;
#[cfg(test)]
mod strategies;
#[cfg(test)]
mod vectors;
