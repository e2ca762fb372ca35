# Answers questions about Python versions by the packaging library: see ../peers.ts for the lines.
import sys
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

for line in sys.stdin:
    kind, first, second = line.rstrip("\n").split("\t")
    try:
        if kind == "order":
            a, b = Version(first), Version(second)
            print("<" if a < b else ">" if a > b else "=")
        else:
            specifiers = SpecifierSet(first)
            Version(second)
            prereleases = bool(specifiers.prereleases)
            print("in" if specifiers.contains(second, prereleases=prereleases) else "out")
    except (InvalidVersion, InvalidSpecifier):
        print("?")
