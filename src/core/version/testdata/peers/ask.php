<?php
// Answers questions about Composer packages by composer/semver: see ../peers.ts for the lines.
foreach ([getenv('COMPOSER_SEMVER_AUTOLOAD') ?: '', '/usr/share/php/Composer/Semver/autoload.php'] as $file) {
    if ($file !== '' && is_file($file)) {
        require $file;
        break;
    }
}

use Composer\Semver\Constraint\Constraint;
use Composer\Semver\VersionParser;

$parser = new VersionParser();
// Of two branches, Composer says whether they are the same, and nothing else.
$order = function (string $a, string $b): string {
    if (strpos($a, 'dev-') === 0 && strpos($b, 'dev-') === 0) {
        return $a === $b ? '=' : '<>';
    }
    $difference = version_compare($a, $b);
    return $difference < 0 ? '<' : ($difference > 0 ? '>' : '=');
};
while (($line = fgets(STDIN)) !== false) {
    [$kind, $first, $second] = explode("\t", rtrim($line, "\n"));
    try {
        if ($kind === 'order') {
            echo $order($parser->normalize($first), $parser->normalize($second)), "\n";
        } else {
            $constraint = $parser->parseConstraints($first);
            echo $constraint->matches(new Constraint('==', $parser->normalize($second))) ? "in\n" : "out\n";
        }
    } catch (\UnexpectedValueException $e) {
        echo "?\n";
    }
}
