//! Every yes or no of the product, as pure functions.
