import types from './types.cjs';

export default types;
