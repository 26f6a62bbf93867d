//! Every error that somebody can get to see, in a golden file.
