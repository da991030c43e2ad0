//! Tests of the public API.

#[cfg(test)]
mod compile;
#[cfg(test)]
mod custom;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod entra;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod in_place;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod support;
#[cfg(test)]
mod switches;
#[cfg(test)]
mod update;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wire;
