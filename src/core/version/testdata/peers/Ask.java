// Answers questions about Maven versions by maven-artifact: see ../peers.ts for the lines.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.maven.artifact.versioning.ComparableVersion;
import org.apache.maven.artifact.versioning.DefaultArtifactVersion;
import org.apache.maven.artifact.versioning.InvalidVersionSpecificationException;
import org.apache.maven.artifact.versioning.VersionRange;

public class Ask {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(new java.io.BufferedOutputStream(System.out), false, "UTF-8");
        String line;
        while ((line = in.readLine()) != null) {
            String[] fields = line.split("\t", -1);
            if (fields[0].equals("order")) {
                int order = new ComparableVersion(fields[1]).compareTo(new ComparableVersion(fields[2]));
                out.println(order < 0 ? "<" : order > 0 ? ">" : "=");
                continue;
            }
            try {
                VersionRange range = VersionRange.createFromVersionSpec(fields[1]);
                out.println(range.containsVersion(new DefaultArtifactVersion(fields[2])) ? "in" : "out");
            } catch (InvalidVersionSpecificationException e) {
                out.println("?");
            }
        }
        out.flush();
    }
}
