//! The layer's operations on the processor: the same numbers as `basic`, with fewer passes over memory.
//!
//! A tile of score rows that fits in the cache is multiplied, its softmax taken and multiplied again before
//! the next is begun, so memory grows with `n_ctx` and not with its square. f16 and bf16 are held as f32 and
//! rounded after every operation, a softmax being one, which is what hardware that accumulates in f32 gives. Nothing here starts
//! threads: the engine runs groups of assignments side by side.

use candle_core::{CpuStorage, DType, Result, Storage, Tensor, WithDType};
use gemm::Parallelism;
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::rounding::round_to_bf16;
use super::softmax::{Exponential, softmax_rows};
use super::{After, Heads};
use crate::model::{Attention, Dtype};

/// Bytes of score rows that are worked on together: half of a second-level cache, or less.
const TILE_BYTES: usize = 256 << 10;
/// More rows than this make a product no faster.
const MAX_TILE_ROWS: usize = 64;

/// Formats that the kernels compute in.
trait Number: WithDType + Exponential {
    /// Rounds numbers to the model's dtype.
    fn round_to(numbers: &mut [Self], dtype: Dtype);
}

impl Number for f32 {
    fn round_to(numbers: &mut [f32], dtype: Dtype) {
        match dtype {
            Dtype::F32 | Dtype::F64 => {}
            Dtype::Bf16 => round_to_bf16(numbers),
            Dtype::F16 => {
                let mut narrow = [f16::ZERO; 64];
                for chunk in numbers.chunks_mut(64) {
                    let narrow = &mut narrow[..chunk.len()];
                    narrow.convert_from_f32_slice(chunk);
                    narrow.convert_to_f32_slice(chunk);
                }
            }
        }
    }
}

impl Number for f64 {
    fn round_to(_: &mut [f64], _: Dtype) {}
}

/// `x w + b`, and then what `after` says.
pub fn affine(x: &Tensor, w: &Tensor, b: &Tensor, after: After, dtype: Dtype) -> Result<Tensor> {
    match x.dtype() {
        DType::F64 => affine_in::<f64>(x, w, b, after, dtype),
        _ => affine_in::<f32>(x, w, b, after, dtype),
    }
}

/// `softmax(q kᵀ) v` of every head, side by side: `[batch, n_ctx, 3 n_heads d_head]` to
/// `[batch, n_ctx, n_heads d_head]`.
pub fn attend(qkv: &Tensor, heads: Heads, dtype: Dtype) -> Result<Tensor> {
    match qkv.dtype() {
        DType::F64 => attend_in::<f64>(qkv, heads, dtype),
        _ => attend_in::<f32>(qkv, heads, dtype),
    }
}

/// The numbers rounded to the model's dtype.
pub fn rounded(x: &Tensor, dtype: Dtype) -> Result<Tensor> {
    match dtype {
        Dtype::F32 | Dtype::F64 => Ok(x.clone()),
        Dtype::F16 | Dtype::Bf16 => {
            let mut numbers: Vec<f32> = with_numbers(x, |x: &[f32]| x.to_vec())?;
            f32::round_to(&mut numbers, dtype);
            Tensor::from_vec(numbers, x.shape(), x.device())
        }
    }
}

/// Calls `f` with the numbers of a contiguous tensor in main memory.
fn with_numbers<T: Number, R>(tensor: &Tensor, f: impl FnOnce(&[T]) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    let (start, end) = layout.contiguous_offsets().expect("tensors of this engine are contiguous");
    match &*storage {
        Storage::Cpu(storage) => Ok(f(&numbers_of(storage)?[start..end])),
        _ => candle_core::bail!("expected a tensor in main memory"),
    }
}

fn numbers_of<T: Number>(storage: &CpuStorage) -> Result<&[T]> {
    storage.as_slice()
}

fn affine_in<T: Number>(
    x: &Tensor,
    w: &Tensor,
    b: &Tensor,
    after: After,
    dtype: Dtype,
) -> Result<Tensor> {
    let (batch, n_ctx, _) = x.dims3()?;
    let (k, n) = w.dims2()?;
    let mut y: Vec<T> = with_numbers(b, |b: &[T]| b.repeat(batch * n_ctx))?;
    with_numbers(x, |x| {
        with_numbers(w, |w| {
            let rows = batch * n_ctx;
            let (x, w) = (Matrix::new(x, [rows, k]), Matrix::new(w, [k, n]));
            multiply(MatrixMut { numbers: &mut y, row_stride: n }, x, w, Onto::Summand);
        })
    })??;
    T::round_to(&mut y, dtype);
    match after {
        After::Nothing => {}
        // Not `max`, which turns not-a-number into 0.
        After::Relu => y.iter_mut().for_each(|y| *y = if *y < T::zero() { T::zero() } else { *y }),
        After::Add(x) => {
            with_numbers(x, |x: &[T]| y.iter_mut().zip(x).for_each(|(y, &x)| *y = x + *y))?;
            T::round_to(&mut y, dtype);
        }
    }
    Tensor::from_vec(y, (batch, n_ctx, n), x.device())
}

fn attend_in<T: Number>(qkv: &Tensor, heads: Heads, dtype: Dtype) -> Result<Tensor> {
    let (batch, n, width) = qkv.dims3()?;
    let read_width = heads.number * heads.size;
    let mut read = vec![T::zero(); batch * n * read_width];
    with_numbers(qkv, |qkv: &[T]| {
        let mut tile = Tile::new(n, dtype);
        for b in 0..batch {
            let numbers = &qkv[b * n * width..(b + 1) * n * width];
            let read = &mut read[b * n * read_width..(b + 1) * n * read_width];
            for h in 0..heads.number {
                let part = |i: usize| Matrix {
                    numbers: &numbers[i * read_width + h * heads.size..],
                    shape: [n, heads.size],
                    strides: [width, 1],
                };
                let first = h * heads.size;
                tile.attend(
                    [part(0), part(1), part(2)],
                    heads.mask,
                    &mut read[first..],
                    read_width,
                );
            }
        }
    })?;
    Tensor::from_vec(read, (batch, n, read_width), qkv.device())
}

/// Some rows of scores of one head.
struct Tile<T> {
    scores: Vec<T>,
    n_rows: usize,
    dtype: Dtype,
}

impl<T: Number> Tile<T> {
    fn new(n_keys: usize, dtype: Dtype) -> Self {
        let fitting = TILE_BYTES / (n_keys * size_of::<T>()).max(1);
        let n_rows = fitting.clamp(1, MAX_TILE_ROWS);
        Tile { scores: vec![T::zero(); n_rows * n_keys], n_rows, dtype }
    }

    /// One head, tile by tile; row `i` of `read` is at `i * stride`.
    fn attend(
        &mut self,
        [q, k, v]: [Matrix<T>; 3],
        mask: Attention,
        read: &mut [T],
        stride: usize,
    ) {
        let [n, d_head] = v.shape;
        for start in (0..n).step_by(self.n_rows) {
            let n_rows = self.n_rows.min(n - start);
            let scores = &mut self.scores[..n_rows * n];
            let queries = q.rows(start, n_rows);
            multiply(
                MatrixMut { numbers: scores, row_stride: n },
                queries,
                k.transposed(),
                Onto::Anything,
            );
            T::round_to(scores, self.dtype);
            let n_visible = |i: usize| match mask {
                Attention::Bidirectional => n,
                Attention::Causal => start + i + 1,
            };
            softmax_rows(scores, n, n_visible);
            T::round_to(scores, self.dtype);
            let read = &mut read[start * stride..];
            let terms = Matrix::new(scores, [n_rows, n]);
            multiply(MatrixMut { numbers: read, row_stride: stride }, terms, v, Onto::Anything);
            for row in read.chunks_mut(stride).take(n_rows) {
                T::round_to(&mut row[..d_head], self.dtype);
            }
        }
    }
}

/// A matrix within a slice; `strides` are those of rows and of columns.
#[derive(Clone, Copy)]
struct Matrix<'n, T> {
    numbers: &'n [T],
    shape: [usize; 2],
    strides: [usize; 2],
}

impl<'n, T> Matrix<'n, T> {
    /// Row-major.
    fn new(numbers: &'n [T], shape: [usize; 2]) -> Self {
        Matrix { numbers, shape, strides: [shape[1], 1] }
    }

    fn rows(self, start: usize, number: usize) -> Self {
        let numbers = &self.numbers[start * self.strides[0]..];
        Matrix { numbers, shape: [number, self.shape[1]], ..self }
    }

    fn transposed(self) -> Self {
        let ([rows, columns], [down, right]) = (self.shape, self.strides);
        Matrix { numbers: self.numbers, shape: [columns, rows], strides: [right, down] }
    }

    fn is_inside(&self) -> bool {
        let last = |i: usize| (self.shape[i] - 1) * self.strides[i];
        last(0) + last(1) < self.numbers.len()
    }
}

/// A row-major matrix within a slice, of which only the columns of a product are touched.
struct MatrixMut<'n, T> {
    numbers: &'n mut [T],
    row_stride: usize,
}

/// What a product finds in its place.
#[derive(Clone, Copy, PartialEq)]
enum Onto {
    /// It is added.
    Summand,
    /// It is overwritten, unless the product has no terms.
    Anything,
}

/// `a b`, or `c + a b`, into `c`, on this thread.
///
/// # Panics
/// Shapes do not fit, or a matrix reaches beyond its slice.
fn multiply<T: Number>(c: MatrixMut<T>, a: Matrix<T>, b: Matrix<T>, onto: Onto) {
    let ([m, k], [inner, n]) = (a.shape, b.shape);
    assert_eq!(k, inner, "columns of the one are rows of the other");
    if m * n * k == 0 {
        return;
    }
    assert!(a.is_inside() && b.is_inside(), "factors lie in their slices");
    assert!((m - 1) * c.row_stride + n <= c.numbers.len(), "the product lies in its slice");
    assert!(n <= c.row_stride, "rows of the product do not overlap");
    let stride = |x: usize| isize::try_from(x).expect("strides are within a slice");
    // SAFETY: the pointers come from slices that hold every entry, as asserted; the destination is borrowed
    // mutably, so it overlaps neither factor.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.numbers.as_mut_ptr(),
            1,
            stride(c.row_stride),
            onto == Onto::Summand,
            a.numbers.as_ptr(),
            stride(a.strides[1]),
            stride(a.strides[0]),
            b.numbers.as_ptr(),
            stride(b.strides[1]),
            stride(b.strides[0]),
            T::one(),
            T::one(),
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_any_strides_are_the_definition_and_stay_in_their_columns() {
        for (m, k, n) in [(1, 1, 1), (3, 0, 2), (5, 7, 2), (64, 9, 70), (70, 33, 13)] {
            let number = |i: usize| ((i * 2_654_435_761) >> 5 & 7) as f32 - 3.0;
            let a: Vec<f32> = (0..m * (k + 3)).map(number).collect();
            let b: Vec<f32> = (0..n * (k + 1)).map(|i| number(i + 999)).collect();
            let stride = n + 2;
            let a = Matrix { numbers: &a, shape: [m, k], strides: [k + 3, 1] };
            let b = Matrix { numbers: &b, shape: [n, k], strides: [k + 1, 1] }.transposed();
            for (onto, before) in [(Onto::Summand, 0.5), (Onto::Anything, f32::NAN)] {
                let mut c = vec![before; m * stride];
                multiply(MatrixMut { numbers: &mut c, row_stride: stride }, a, b, onto);
                for (at, &found) in c.iter().enumerate() {
                    let (i, j) = (at / stride, at % stride);
                    let term = |t: usize| a.numbers[i * (k + 3) + t] * b.numbers[j * (k + 1) + t];
                    let expected = match onto {
                        _ if j >= n || k == 0 => before,
                        Onto::Summand => before + (0..k).map(term).sum::<f32>(),
                        Onto::Anything => (0..k).map(term).sum(),
                    };
                    assert_eq!(found.to_bits(), expected.to_bits(), "{m} {k} {n}: {i}, {j}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "factors lie in their slices")]
    fn a_factor_beyond_its_slice_is_a_bug() {
        let (a, b, mut c) = ([0f32; 5], [0f32; 6], [0f32; 4]);
        let c = MatrixMut { numbers: &mut c, row_stride: 2 };
        multiply(c, Matrix::new(&a, [2, 3]), Matrix::new(&b, [3, 2]), Onto::Summand);
    }

    #[test]
    fn rounding_is_that_of_the_format() {
        let numbers: Vec<f32> =
            (0..1000).map(|i| (i as f32 - 500.0) * 1.2345).chain([1e6, f32::NAN]).collect();
        for dtype in Dtype::ALL {
            let mut rounded = numbers.clone();
            f32::round_to(&mut rounded, dtype);
            for (&x, &y) in numbers.iter().zip(&rounded) {
                let expected = dtype.round(f64::from(x)) as f32;
                assert!(y == expected || y.is_nan() && x.is_nan(), "{x} in {dtype}");
            }
        }
    }
}
