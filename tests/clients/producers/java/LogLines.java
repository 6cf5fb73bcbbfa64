import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Passes on what slf4j-simple writes, and reports its warnings and errors: `[thread] WARN class - text`. */
class LogLines extends OutputStream {
    private final OutputStream to;
    private final Report report;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();

    LogLines(OutputStream to, Report report) {
        this.to = to;
        this.report = report;
    }

    @Override
    public synchronized void write(int octet) throws IOException {
        to.write(octet);
        if (octet != '\n') {
            line.write(octet);
            return;
        }
        String text = new String(line.toByteArray(), StandardCharsets.UTF_8);
        line.reset();
        for (String level : new String[] {"WARN", "ERROR"}) {
            int at = text.indexOf("] " + level + " ");
            if (at > 0 && text.startsWith("[")) {
                report.logged(level, text.substring(text.indexOf(" - ", at) + 3));
            }
        }
    }

    @Override
    public void close() throws IOException {
        to.close();
    }
}
