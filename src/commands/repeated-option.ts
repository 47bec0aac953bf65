/** For an option that may be repeated: every value that was given, in order. Pure. */
export const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];
