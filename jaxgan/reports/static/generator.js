// Computes images of a generator from the list of layers that generator_layers.py writes.
//
// A value is {count, shape, data}: `count` examples of one shape, one after the other in a
// Float32Array, images as (height, width, channels). Each layer takes a value and returns the next.
"use strict";

const PANEL = 4; // columns of a matrix that are multiplied at once

function sizeOf(shape) {
  return shape.reduce((product, length) => product * length, 1);
}

// Reorders a matrix (rows, columns) into panels of columns, so that a product reads it in order.
function pack(matrix, start, rows, columns) {
  const packed = new Float32Array(Math.ceil(columns / PANEL) * rows * PANEL);
  for (let first = 0, to = 0; first < columns; first += PANEL) {
    const width = Math.min(PANEL, columns - first);
    for (let row = 0; row < rows; row++, to += PANEL) {
      const from = start + row * columns + first;
      for (let column = 0; column < width; column++) packed[to + column] = matrix[from + column];
    }
  }
  return { rows, columns, packed };
}

// Writes a @ matrix, for `count` rows of a. `step` is the distance of two rows of the result.
function multiply(a, count, matrix, result, start, step) {
  const { rows, columns, packed } = matrix;
  let i = 0;
  for (; i + 4 <= count; i += 4) multiplyFour(a, i * rows, rows, columns, packed, result, start + i * step, step);
  for (; i < count; i++) multiplyOne(a, i * rows, rows, columns, packed, result, start + i * step);
}

// Four rows and four columns at once: 16 sums stay in registers, and each number read serves four.
function multiplyFour(a, first, rows, columns, packed, result, start, step) {
  const second = first + rows, third = second + rows, fourth = third + rows;
  for (let column = 0, b = 0; column < columns; column += PANEL) {
    let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
    let s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
    for (let k = 0; k < rows; k++, b += PANEL) {
      const b0 = packed[b], b1 = packed[b + 1], b2 = packed[b + 2], b3 = packed[b + 3];
      const a0 = a[first + k], a1 = a[second + k], a2 = a[third + k], a3 = a[fourth + k];
      s00 += a0 * b0; s01 += a0 * b1; s02 += a0 * b2; s03 += a0 * b3;
      s10 += a1 * b0; s11 += a1 * b1; s12 += a1 * b2; s13 += a1 * b3;
      s20 += a2 * b0; s21 += a2 * b1; s22 += a2 * b2; s23 += a2 * b3;
      s30 += a3 * b0; s31 += a3 * b1; s32 += a3 * b2; s33 += a3 * b3;
    }
    store(result, start + column, columns - column, s00, s01, s02, s03);
    store(result, start + step + column, columns - column, s10, s11, s12, s13);
    store(result, start + 2 * step + column, columns - column, s20, s21, s22, s23);
    store(result, start + 3 * step + column, columns - column, s30, s31, s32, s33);
  }
}

function multiplyOne(a, first, rows, columns, packed, result, start) {
  for (let column = 0, b = 0; column < columns; column += PANEL) {
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (let k = 0; k < rows; k++, b += PANEL) {
      const value = a[first + k];
      s0 += value * packed[b]; s1 += value * packed[b + 1];
      s2 += value * packed[b + 2]; s3 += value * packed[b + 3];
    }
    store(result, start + column, columns - column, s0, s1, s2, s3);
  }
}

// The last panel may be wider than what is left of the matrix.
function store(result, at, left, s0, s1, s2, s3) {
  result[at] = s0;
  if (left > 1) result[at + 1] = s1;
  if (left > 2) result[at + 2] = s2;
  if (left > 3) result[at + 3] = s3;
}

// Returns what the kernel sees at each position: (count * height * width, kernel * kernel *
// channels of the group). Beyond the edge are zeros; the output is as large as the input.
function patches({ count, shape: [height, width, channels], data }, kernel, first, depth) {
  const before = Math.floor((kernel - 1) / 2);
  const result = new Float32Array(count * height * width * kernel * kernel * depth);
  let at = 0;
  for (let n = 0; n < count; n++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let i = y - before; i < y - before + kernel; i++) {
          for (let j = x - before; j < x - before + kernel; j++, at += depth) {
            if (i < 0 || i >= height || j < 0 || j >= width) continue;
            const from = ((n * height + i) * width + j) * channels + first;
            for (let c = 0; c < depth; c++) result[at + c] = data[from + c];
          }
        }
      }
    }
  }
  return result;
}

function addBias(value, bias) {
  if (!bias) return value;
  const { data } = value, channels = bias.length;
  for (let i = 0; i < data.length; i += channels) {
    for (let c = 0; c < channels; c++) data[i + c] += bias[c];
  }
  return value;
}

// Appends to each row of latents the row of a table that belongs to its label.
function append(value, labels, table, width) {
  const { count, shape: [length], data } = value;
  const result = new Float32Array(count * (length + width));
  for (let n = 0; n < count; n++) {
    result.set(data.subarray(n * length, (n + 1) * length), n * (length + width));
    const row = table.subarray(labels[n] * width, (labels[n] + 1) * width);
    result.set(row, n * (length + width) + length);
  }
  return { count, shape: [length + width], data: result };
}

function enlarge(value, height, width) {
  const { count, shape } = value;
  return { count, shape: [height, width, shape[2]], data: new Float32Array(count * height * width * shape[2]) };
}

// Doubles one axis: each value becomes two, each 3/4 of it plus 1/4 of its neighbour on that side,
// or of zero beyond the edge. The axis has `length` values with `inner` numbers each.
function doubleBilinear(data, length, inner) {
  const result = new Float32Array(2 * data.length);
  for (let start = 0; start < data.length; start += length * inner) {
    for (let i = 0; i < length; i++) {
      for (let c = 0; c < inner; c++) {
        const from = start + i * inner + c, to = 2 * start + 2 * i * inner + c;
        const here = 3 * data[from];
        result[to] = (here + (i > 0 ? data[from - inner] : 0)) / 4;
        result[to + inner] = (here + (i + 1 < length ? data[from + inner] : 0)) / 4;
      }
    }
  }
  return result;
}

// The layers by name. Each is called with a value, the layer, the labels and the kept values.
const LAYERS = {
  append_label: (value, { table }, labels) => append(value, labels, table.data, table.shape[1]),

  dense(value, { kernel, bias }) {
    const { count } = value, [matrix] = kernel.matrices;
    const data = new Float32Array(count * matrix.columns);
    multiply(value.data, count, matrix, data, 0, matrix.columns);
    return addBias({ count, shape: [matrix.columns], data }, bias && bias.data);
  },

  conv(value, { kernel, bias, size }) {
    const { count, shape: [height, width, channels] } = value;
    const groups = kernel.matrices.length, depth = channels / groups;
    const columns = kernel.matrices[0].columns, positions = count * height * width;
    const data = new Float32Array(positions * groups * columns);
    kernel.matrices.forEach((matrix, group) => {
      const seen = size === 1 && groups === 1 ? value.data : patches(value, size, group * depth, depth);
      multiply(seen, positions, matrix, data, group * columns, groups * columns);
    });
    return addBias({ count, shape: [height, width, groups * columns], data }, bias && bias.data);
  },

  // Each position adds a patch to the result, which is `stride` times as large.
  conv_transpose(value, { kernel, bias, size, stride, padding }) {
    const { count, shape: [height, width] } = value, [matrix] = kernel.matrices;
    const channels = matrix.columns / (size * size);
    const added = new Float32Array(count * height * width * matrix.columns);
    multiply(value.data, count * height * width, matrix, added, 0, matrix.columns);
    const [tall, wide] = [height * stride, width * stride];
    const data = new Float32Array(count * tall * wide * channels);
    let from = 0;
    for (let n = 0; n < count; n++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          for (let i = y * stride - padding; i < y * stride - padding + size; i++) {
            for (let j = x * stride - padding; j < x * stride - padding + size; j++, from += channels) {
              if (i < 0 || i >= tall || j < 0 || j >= wide) continue;
              const to = ((n * tall + i) * wide + j) * channels;
              for (let c = 0; c < channels; c++) data[to + c] += added[from + c];
            }
          }
        }
      }
    }
    return addBias({ count, shape: [tall, wide, channels], data }, bias && bias.data);
  },

  // One scale and shift for each channel, or for each class and channel.
  affine(value, { scale, shift }, labels) {
    const { count, shape, data } = value, channels = shape[shape.length - 1];
    const size = data.length / count;
    for (let n = 0; n < count; n++) {
      const row = scale.shape.length > 1 ? labels[n] * channels : 0;
      for (let i = n * size; i < (n + 1) * size; i += channels) {
        for (let c = 0; c < channels; c++) {
          data[i + c] = data[i + c] * scale.data[row + c] + shift.data[row + c];
        }
      }
    }
    return value;
  },

  leaky_relu(value, { slope }) {
    const { data } = value;
    for (let i = 0; i < data.length; i++) if (data[i] < 0) data[i] *= slope;
    return value;
  },

  tanh(value) {
    const { data } = value;
    for (let i = 0; i < data.length; i++) data[i] = Math.tanh(data[i]);
    return value;
  },

  reshape: (value, { shape }) => ({ ...value, shape }),

  // From one number for each channel to maps: those of `maps`, each times its number.
  scale_maps({ count, data: gains }, { maps }) {
    const channels = maps.shape[2], size = maps.data.length;
    const data = new Float32Array(count * size);
    for (let i = 0; i < data.length; i++) {
      data[i] = maps.data[i % size] * gains[Math.floor(i / size) * channels + (i % channels)];
    }
    return { count, shape: maps.shape, data };
  },

  upsample_nearest(value) {
    const { count, shape: [height, width, channels], data } = value;
    const larger = enlarge(value, 2 * height, 2 * width);
    for (let row = 0, to = 0; row < 2 * count * height; row++) {
      for (let x = 0; x < 2 * width; x++, to += channels) {
        const from = ((row >> 1) * width + (x >> 1)) * channels;
        for (let c = 0; c < channels; c++) larger.data[to + c] = data[from + c];
      }
    }
    return larger;
  },

  upsample_bilinear(value) {
    const { count, shape: [height, width, channels] } = value;
    const tall = doubleBilinear(value.data, height, width * channels);
    const data = doubleBilinear(tall, width, channels);
    return { count, shape: [2 * height, 2 * width, channels], data };
  },

  keep(value, { name }, labels, kept) {
    // A copy, since other layers change values in place.
    kept[name] = { ...value, data: value.data.slice() };
    return value;
  },

  load: (value, { name }, labels, kept) => kept[name],

  add(value, { name }, labels, kept) {
    const { data } = value, other = kept[name].data;
    for (let i = 0; i < data.length; i++) data[i] += other[i];
    return value;
  },
};

// Returns the images, or points, of latents (count * latent size numbers) and their labels.
function generate(generator, latents, labels) {
  const size = generator.latent_size, kept = {};
  let value = { count: latents.length / size, shape: [size], data: latents.slice() };
  for (const layer of generator.layers) value = LAYERS[layer.layer](value, layer, labels, kept);
  return value;
}

// Maps [-1, 1] to 0..255, as Python does; halves are rounded to the even number.
function toPixels(data) {
  // An array of this type rounds and clips what is stored in it.
  return Uint8ClampedArray.from(data, (x) => Math.fround((Math.fround(x) + 1) * 127.5));
}

// Returns the generator that a description in JSON holds: each array's place in the content
// becomes its numbers, and kernels are packed.
async function readGenerator({ weights, extra, ...settings }) {
  const content = await unpack(weights.content);
  const layers = weights.layers.map(({ arrays, ...layer }) => {
    const ready = { ...layer, ...readArrays(arrays, content) };
    if (ready.kernel) ready.kernel = packGroups(ready.kernel);
    return ready;
  });
  return { ...settings, layers, extra: readArrays(extra.arrays, await unpack(extra.content)) };
}

function readArrays(places, content) {
  const arrays = {};
  for (const [name, { type, shape, start }] of Object.entries(places)) {
    const data = type === "float16" ? fromHalves(new Uint16Array(content, start, sizeOf(shape)))
      : new Float32Array(content, start, sizeOf(shape));
    arrays[name] = { shape, data };
  }
  return arrays;
}

// Decodes base64, decompresses it, and brings the bytes of each word together again.
async function unpack(text) {
  const letters = atob(text), packed = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) packed[i] = letters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const bytes = new Uint8Array(planes.length), words = planes.length / 4;
  for (let plane = 0, from = 0; plane < 4; plane++) {
    for (let word = 0; word < words; word++, from++) bytes[4 * word + plane] = planes[from];
  }
  return bytes.buffer;
}

// A kernel is (groups, rows, columns).
function packGroups({ shape: [groups, rows, columns], data }) {
  const matrices = [];
  for (let g = 0; g < groups; g++) matrices.push(pack(data, g * rows * columns, rows, columns));
  return { matrices };
}

// Converts 16-bit floating-point numbers, which not every browser has as an array.
function fromHalves(halves) {
  const numbers = new Float32Array(halves.length);
  // Exponent 0 stands for numbers that are evenly spaced around zero.
  const scales = Array.from({ length: 32 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25));
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i], exponent = (half >> 10) & 31;
    const size = ((half & 1023) + (exponent ? 1024 : 0)) * scales[exponent];
    numbers[i] = half & 0x8000 ? -size : size;
  }
  return numbers;
}
