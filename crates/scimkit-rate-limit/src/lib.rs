//! How many requests in how much time: exact sliding windows and GCRA as pure decisions over state.
