//! Every text there is, as it goes out.
