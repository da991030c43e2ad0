//! Cycles of the engine between a directory of lists and a service of maps, row by row of the decision table.

mod cycles;
mod decisions;
mod failures;
mod world;
