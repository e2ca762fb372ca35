export { judgeContents, wrongPatterns, type WantedContent } from "./judge-contents.ts";
export { commandOfTest, environmentOfTest } from "./command-of-test.ts";
export { judgeCommandTest, judgeStructureTests } from "./judge-structure-tests.ts";
export { maxStructureTests, parseStructureTests, type ParsedStructureTests } from "./parse-structure-tests.ts";
export type { CommandTest, StructureTests } from "./schema.ts";
