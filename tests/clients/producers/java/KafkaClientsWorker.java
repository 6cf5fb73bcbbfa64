import com.google.gson.Gson;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends with kafka-clients; see worker.py for the job and the report. Uses nothing that 2.1.0 lacks. */
public class KafkaClientsWorker {
    static final String STORE_PASSWORD = "changeit";

    /** The job as it is in its file. */
    static class Job {
        String name;
        String report;
        String bootstrap;
        String authority;
        String user;
        String password;
        String topic;
        List<String> values;
        String codec;
        Boolean idempotent;
        boolean tls;
        String mechanism;
        int give_up_ms;
        Map<String, String> settings;
    }

    /** Each line of standard input is the path of a job and, after a tab, that of the file for what is logged. */
    public static void main(String[] none) throws Exception {
        BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = jobs.readLine(); line != null; line = jobs.readLine()) {
            String[] paths = line.split("\t");
            run(Paths.get(paths[0]), Paths.get(paths[1]));
            System.out.println("done");
        }
    }

    static void run(Path path, Path log) throws Exception {
        Job job;
        try (Reader file = Files.newBufferedReader(path)) {
            job = new Gson().fromJson(file, Job.class);
        }
        try (Report report = new Report(job.report, job.values.size());
                PrintStream errors = new PrintStream(new LogLines(new FileOutputStream(log.toFile(), true), report))) {
            System.setErr(errors);
            try {
                send(job, report);
            } catch (Exception refused) {
                report.failRest(refused);
            }
        }
    }

    static void send(Job job, Report report) throws Exception {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(configure(job))) {
            // A Java machine that is just starting is slow; the client is not to be blamed for that.
            report.endAfter(job.give_up_ms);
            for (int value = 0; value < job.values.size(); value++) {
                int index = value;
                producer.send(
                        new ProducerRecord<>(job.topic, job.values.get(index)),
                        (place, error) -> {
                            if (error == null) {
                                report.delivered(index, place.partition(), place.offset());
                            } else {
                                report.failed(index, error);
                            }
                        });
            }
        }
    }

    /** The settings of the job; what it leaves open stays as the library has it. */
    static Properties configure(Job job) throws Exception {
        Properties settings = new Properties();
        settings.put("key.serializer", StringSerializer.class.getName());
        settings.put("value.serializer", StringSerializer.class.getName());
        if (!job.settings.containsKey("bootstrap.servers")) {
            settings.put("bootstrap.servers", job.bootstrap);
            settings.put("client.id", job.name);
            logIn(job, settings);
            giveUp(job, settings);
            if (job.codec != null) {
                settings.put("compression.type", job.codec);
                settings.put("linger.ms", "50");
            }
            if (job.idempotent != null) {
                settings.put("enable.idempotence", job.idempotent.toString());
            }
        }
        settings.putAll(job.settings);
        return settings;
    }

    static void logIn(Job job, Properties settings) throws Exception {
        settings.put("security.protocol", job.tls ? "SASL_SSL" : "SASL_PLAINTEXT");
        settings.put("ssl.truststore.type", "PKCS12");
        settings.put("ssl.truststore.location", truststore(job));
        settings.put("ssl.truststore.password", STORE_PASSWORD);
        settings.put("sasl.mechanism", job.mechanism);
        String module = job.mechanism.startsWith("SCRAM") ? "scram.ScramLoginModule" : "plain.PlainLoginModule";
        settings.put(
                "sasl.jaas.config",
                "org.apache.kafka.common.security." + module + " required username=\"" + job.user
                        + "\" password=\"" + job.password + "\";");
    }

    /** The time for one request must be shorter than the one for a record. */
    static void giveUp(Job job, Properties settings) {
        settings.put("max.block.ms", String.valueOf(job.give_up_ms));
        settings.put("delivery.timeout.ms", String.valueOf(job.give_up_ms));
        settings.put("request.timeout.ms", String.valueOf(job.give_up_ms / 2));
    }

    /** The authority as a key store, beside the report, as kafka-clients cannot read PEM before 2.7. */
    static String truststore(Job job) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (InputStream pem = new FileInputStream(job.authority)) {
            int number = 0;
            for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
                store.setCertificateEntry("authority" + number++, one);
            }
        }
        String path = new File(job.report).getParent() + "/truststore.p12";
        try (OutputStream file = new FileOutputStream(path)) {
            store.store(file, STORE_PASSWORD.toCharArray());
        }
        return path;
    }
}
