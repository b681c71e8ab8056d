/** One string a class, in the order of the scores. */
export declare const labels: readonly string[];
/** Rows, and columns, of an image. */
export declare const SIDE: 28;

export interface Answer {
  label: string;
  /** Of that label, 0 to 1. */
  probability: number;
  /** Of each label, in their order. */
  probabilities: number[];
  /** Integers, the same ones on every machine. */
  scores: Int32Array;
}

/** A network that is ready to answer. An image is 28 x 28 bytes, row by row; ground 0, ink 255. */
export declare class Network {
  /** Throws a RangeError where an image has another size. */
  scores(image: ArrayLike<number>): Int32Array;
  /** Throws a RangeError where an image has another size. */
  read(image: ArrayLike<number>): Answer;
}

export declare function load(): Promise<Network>;
