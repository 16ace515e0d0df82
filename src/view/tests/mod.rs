//! Tests of the engine as a whole: the standard's cases, our own, and properties.

mod conformance;
