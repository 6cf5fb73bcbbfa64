import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The report of one job. When its time is over, values without a fate have failed. */
class Report implements AutoCloseable {
    /** The contract allows 5 s after `give_up_ms`. */
    static final long GRACE_MS = 4_000;

    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

    private final long began = System.nanoTime();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Writer file;
    private final Set<Integer> open = new TreeSet<>();

    Report(String path, int values) throws IOException {
        file = Files.newBufferedWriter(Paths.get(path));
        for (int index = 0; index < values; index++) {
            open.add(index);
        }
    }

    /** A library that says nothing for so long is left alone, and the program with it. */
    void endAfter(long giveUpMs) {
        Thread timer = new Thread(() -> {
            try {
                if (!ended.await(giveUpMs + GRACE_MS, TimeUnit.MILLISECONDS)) {
                    failRest(new IllegalStateException("the library said nothing until its time was over"));
                    close();
                    Runtime.getRuntime().halt(0);
                }
            } catch (IOException | InterruptedException problem) {
                Runtime.getRuntime().halt(1);
            }
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
        if (ended.getCount() == 0) {
            return;
        }
        what.put("kind", kind);
        what.put("after_ms", (System.nanoTime() - began) / 1_000_000);
        try {
            file.write(GSON.toJson(what) + "\n");
            file.flush();
        } catch (IOException full) {
            Runtime.getRuntime().halt(1);
        }
    }

    @Override
    public synchronized void close() throws IOException {
        if (ended.getCount() > 0) {
            line("end", new TreeMap<>());
            ended.countDown();
            file.close();
        }
    }
}
