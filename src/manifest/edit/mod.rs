//! Changes to a text's own lines: comments, order and layout stay, and exactly the intended value changes.
//!
//! | file | what |
//! | --- | --- |
//! | `apply.rs` | the way in: edits one after the other, each read back and compared |
//! | `splice.rs` | where in the text a value goes |
//! | `write.rs` | values as lines, in the file's own layout |
//! | `intended.rs` | what the documents are to hold afterwards |

mod apply;
mod intended;
mod splice;
#[cfg(test)]
mod tests;
mod write;

pub use apply::{Change, Edit, EditError, Position, apply, node_at, position};
