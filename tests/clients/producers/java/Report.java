import com.google.gson.Gson;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.ArrayList;
import java.util.Map;

/** The report of one job. When its time is over, values without a fate have failed and the program ends. */
class Report {
    /** The contract allows 5 s after `give_up_ms`. */
    static final long GRACE_MS = 4_000;

    private final long began;
    private final Writer file;
    private final Set<Integer> open = new TreeSet<>();

    Report(String path, int values, long began) throws IOException {
        this.began = began;
        file = Files.newBufferedWriter(Paths.get(path));
        for (int index = 0; index < values; index++) {
            open.add(index);
        }
    }

    /** What the library logs as a warning or an error is reported too, besides where it goes anyway. */
    void takeLog() {
        System.setErr(new PrintStream(new LogLines(System.err, this), true));
    }

    void endAfter(long giveUpMs) {
        Thread timer = new Thread(() -> {
            try {
                Thread.sleep(giveUpMs + GRACE_MS);
            } catch (InterruptedException never) {
                return;
            }
            failRest(new IllegalStateException("the library said nothing until the time of the run was over"));
            end();
        });
        timer.setDaemon(true);
        timer.start();
    }

    synchronized void delivered(int index, int shard, long offset) {
        if (open.remove(index)) {
            Map<String, Object> what = new TreeMap<>();
            what.put("index", index);
            what.put("shard", shard);
            what.put("offset", offset);
            line("delivered", what);
        }
    }

    synchronized void failed(int index, Throwable error) {
        if (open.remove(index)) {
            Map<String, Object> what = new TreeMap<>();
            what.put("index", index);
            what.put("code", error.getClass().getSimpleName());
            what.put("text", withCauses(error));
            line("failed", what);
        }
    }

    synchronized void failRest(Throwable error) {
        for (int index : new ArrayList<>(open)) {
            failed(index, error);
        }
    }

    void logged(String level, String text) {
        Map<String, Object> what = new TreeMap<>();
        what.put("code", level);
        what.put("text", text);
        line("error", what);
    }

    /** The words of an error and of those behind it, as its stack trace shows them. */
    private static String withCauses(Throwable error) {
        StringBuilder words = new StringBuilder(String.valueOf(error.getMessage()));
        for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
            words.append(" caused by ").append(cause);
        }
        return words.toString();
    }

    private synchronized void line(String kind, Map<String, Object> what) {
        what.put("kind", kind);
        what.put("after_ms", (System.nanoTime() - began) / 1_000_000);
        try {
            file.write(new Gson().toJson(what) + "\n");
            file.flush();
        } catch (IOException full) {
            Runtime.getRuntime().halt(1);
        }
    }

    void endIfComplete() {
        if (open.isEmpty()) {
            end();
        }
    }

    /** At once: closing a producer that cannot connect may take longer than is allowed. */
    synchronized void end() {
        line("end", new TreeMap<>());
        Runtime.getRuntime().halt(0);
    }

    /** Passes on a stream and looks for lines of slf4j-simple: `[thread] WARN class - text`. */
    private static class LogLines extends OutputStream {
        private final PrintStream to;
        private final Report report;
        private final ByteArrayOutputStream line = new ByteArrayOutputStream();

        LogLines(PrintStream to, Report report) {
            this.to = to;
            this.report = report;
        }

        @Override
        public synchronized void write(int octet) {
            to.write(octet);
            if (octet != '\n') {
                line.write(octet);
                return;
            }
            to.flush();
            String text = new String(line.toByteArray(), StandardCharsets.UTF_8);
            line.reset();
            for (String level : new String[] {"WARN", "ERROR"}) {
                int at = text.indexOf("] " + level + " ");
                if (at > 0 && text.startsWith("[")) {
                    report.logged(level, text.substring(text.indexOf(" - ", at) + 3));
                }
            }
        }
    }
}
