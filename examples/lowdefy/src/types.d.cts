declare const types: { connections: string[]; requests: string[] };
export = types;
