//! What screens are put together from. Everything reads; nothing keeps state.

mod canvas;
mod scroll;
mod table;

pub use canvas::{Canvas, Line, Piece, wrapped};
pub use scroll::{Scroll, Step};
pub use table::{Align, Column, Columns};
