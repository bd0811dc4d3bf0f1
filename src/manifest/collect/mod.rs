//! What a run reads: paths to documents.
//!
//! | module | does |
//! | --- | --- |
//! | `options` | what the caller decides |
//! | `walk` | paths to units: files, standard input, charts, kustomizations |
//! | `kustomization` | which kustomizations others use |
//! | `render` | charts and kustomizations to text, by the programs that people use for it |
//! | `program` | runs such a program, with a limit on its time and output |
//! | `document` | which documents are objects; lists to their items |
//! | `collection` | all of it, in parallel, results in order |
//! | `environment` | where `quorate.yaml` is |

mod collection;
mod document;
mod environment;
mod kustomization;
mod options;
mod program;
mod render;
mod walk;

#[cfg(test)]
mod tests;

pub use collection::{Collection, Configuration, Counts, collect};
pub use document::INCOMPLETE_OBJECT;
pub use environment::{ENVIRONMENT_FILE_NAME, find_environment_files};
pub use options::{CollectError, CollectOptions, EmptyInput};
pub use render::UNRENDERED_SOURCE;
