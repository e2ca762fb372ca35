/**
 * Work that many ask for at once. Who asks while it goes on may have something to say that it does not see any more, and shares the one run that follows with all others who asked meanwhile: of any number of
 * askers in a burst there are two runs.
 */
export function shareRuns<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | undefined;
  let following: Promise<Result> | undefined;
  const ask = (): Promise<Result> => {
    if (running === undefined) {
      running = work().finally(() => (running = undefined));
      return running;
    }
    following ??= running
      .catch(() => undefined)
      .then(() => {
        following = undefined;
        return ask();
      });
    return following;
  };
  return ask;
}
