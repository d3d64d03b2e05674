import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.module.blackbird.BlackbirdModule;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Kafka Streams: Processor API, RocksDB store with a cache and a changelog, at least once. One argument: threads. */
public final class CsatStreams {
    private static final double DAY = 86400.0;
    private static final byte[] NAMESPACE_URL = bytes(UUID.fromString("6ba7b811-9dad-11d1-80b4-00c04fd430c8"));
    private static final CountDownLatch DONE = new CountDownLatch(1);
    private static final AtomicLong LEFT = new AtomicLong(Long.parseLong(System.getenv("EVENTS")));

    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class Event {
        public String event_id;
        public String customer_id;
        public String ticket_id;
        public String ticket_subject;
        public String feedback;
        public String responded_at;
        public int rating;

        /** Checks the fields; the time in seconds since 1970. */
        double validated() {
            if (event_id == null || customer_id == null || customer_id.isEmpty() || ticket_id == null
                    || ticket_id.isEmpty() || rating < 1 || rating > 5) {
                throw new IllegalArgumentException("invalid event " + event_id);
            }
            var instant = OffsetDateTime.parse(responded_at).toInstant();
            return instant.getEpochSecond() + instant.getNano() / 1e9;
        }
    }

    public record Alert(@JsonProperty("alert_id") String alertId, String kind,
                        @JsonProperty("customer_id") String customerId, int rating,
                        @JsonProperty("ticket_id") String ticketId, String subject, String feedback) {}

    private record Rating(double at, byte stars, String ticket) {}

    /** One customer's state. */
    private static final class Window {
        double alerted = Double.NaN;
        final List<Rating> ratings = new ArrayList<>();
    }

    private static final Serde<Window> WINDOW = Serdes.serdeFrom((topic, window) -> {
        if (window == null) {
            return null;
        }
        var tickets = new byte[window.ratings.size()][];
        int length = 12;
        for (int i = 0; i < tickets.length; i++) {
            tickets[i] = window.ratings.get(i).ticket.getBytes(StandardCharsets.UTF_8);
            length += 11 + tickets[i].length;
        }
        var buffer = ByteBuffer.allocate(length).putDouble(window.alerted).putInt(tickets.length);
        for (int i = 0; i < tickets.length; i++) {
            var rating = window.ratings.get(i);
            buffer.putDouble(rating.at).put(rating.stars).putShort((short) tickets[i].length).put(tickets[i]);
        }
        return buffer.array();
    }, (topic, bytes) -> {
        if (bytes == null) {
            return null;
        }
        var buffer = ByteBuffer.wrap(bytes);
        var window = new Window();
        window.alerted = buffer.getDouble();
        int count = buffer.getInt();
        for (int i = 0; i < count; i++) {
            double at = buffer.getDouble();
            byte stars = buffer.get();
            int length = buffer.getShort();
            window.ratings.add(new Rating(at, stars, new String(bytes, buffer.position(), length, StandardCharsets.UTF_8)));
            buffer.position(buffer.position() + length);
        }
        return window;
    });

    private static byte[] bytes(UUID id) {
        return ByteBuffer.allocate(16).putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits()).array();
    }

    private static final class Detector implements Processor<String, byte[], String, byte[]> {
        private static final JsonMapper MAPPER = JsonMapper.builder().addModule(new BlackbirdModule()).build();
        private static final ObjectReader READER = MAPPER.readerFor(Event.class);
        private static final ObjectWriter WRITER = MAPPER.writerFor(Alert.class);
        private ProcessorContext<String, byte[]> context;
        private KeyValueStore<String, Window> windows;
        private MessageDigest sha1;

        @Override
        public void init(ProcessorContext<String, byte[]> given) {
            context = given;
            windows = context.getStateStore("windows");
            try {
                sha1 = MessageDigest.getInstance("SHA-1");
            } catch (NoSuchAlgorithmException error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public void process(Record<String, byte[]> record) {
            try {
                Event event = READER.readValue(record.value());
                double at = event.validated();
                var window = windows.get(event.customer_id);
                if (window == null) {
                    window = new Window();
                }
                var ratings = window.ratings;
                ratings.add(new Rating(at, (byte) event.rating, event.ticket_id));
                if (ratings.get(0).at < at - 90 * DAY) {
                    ratings.removeIf(each -> each.at < at - 90 * DAY);
                }
                boolean fallen = fallen(window, at);
                if (fallen) {
                    window.alerted = at;
                }
                windows.put(event.customer_id, window);
                if (fallen) {
                    raise(record, event, "trend_drop");
                }
                if (event.rating <= 2) {
                    raise(record, event, "low_rating");
                }
            } catch (IOException error) {
                throw new IllegalStateException(error);
            }
            if (LEFT.decrementAndGet() == 0) {
                DONE.countDown();
            }
        }

        private static boolean fallen(Window window, double at) {
            double recentFrom = at - 30 * DAY;
            long recentCount = 0, recent = 0, baselineCount = 0, baseline = 0;
            for (var rating : window.ratings) {
                if (rating.at >= recentFrom) {
                    recentCount++;
                    recent += rating.stars;
                } else {
                    baselineCount++;
                    baseline += rating.stars;
                }
            }
            return recentCount >= 3 && baselineCount >= 5
                    && 5 * recent * baselineCount < 4 * baseline * recentCount
                    && (Double.isNaN(window.alerted) || at - window.alerted >= 7 * DAY);
        }

        private void raise(Record<String, byte[]> record, Event event, String kind) throws IOException {
            var alert = new Alert(alertId(event.event_id), kind, event.customer_id, event.rating, event.ticket_id,
                    event.ticket_subject, event.feedback);
            context.forward(record.withKey(event.customer_id).withValue(WRITER.writeValueAsBytes(alert)));
        }

        /** The UUIDv5 of an event. */
        private String alertId(String event) {
            sha1.update(NAMESPACE_URL);
            byte[] hash = sha1.digest(event.getBytes(StandardCharsets.UTF_8));
            hash[6] = (byte) (hash[6] & 0x0f | 0x50);
            hash[8] = (byte) (hash[8] & 0x3f | 0x80);
            var buffer = ByteBuffer.wrap(hash);
            return new UUID(buffer.getLong(), buffer.getLong()).toString();
        }
    }

    /** Prints how long each partition's restoring took. */
    private static final class Restoring implements StateRestoreListener {
        @Override
        public void onRestoreStart(TopicPartition partition, String store, long from, long to) {
            say("restore start", partition, 0);
        }

        @Override
        public void onBatchRestored(TopicPartition partition, String store, long to, long count) {}

        @Override
        public void onRestoreEnd(TopicPartition partition, String store, long count) {
            say("restore end", partition, count);
        }

        private static void say(String what, TopicPartition partition, long count) {
            System.out.printf("%s %d %d %d%n", what, partition.partition(), count, System.currentTimeMillis());
            System.out.flush();
        }
    }

    public static void main(String[] args) throws InterruptedException {
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getenv("GROUP"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("BROKER"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("STATE_DIR"));
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, args[0]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.AT_LEAST_ONCE);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 10000);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 128L << 20);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 5000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
        if (!System.getenv("LINGER_MS").isEmpty()) { // else Kafka Streams' own default
            settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), System.getenv("LINGER_MS"));
        }
        var store = Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("windows"), Serdes.String(), WINDOW);
        var topology = new Topology()
                .addSource("feed", Serdes.String().deserializer(), new ByteArrayDeserializer(), System.getenv("FEED"))
                .addProcessor("detect", Detector::new, "feed")
                .addStateStore(store.withLoggingEnabled(Map.of()).withCachingEnabled(), "detect")
                .addSink("alerts", System.getenv("ALERTS"), Serdes.String().serializer(), new ByteArraySerializer(), "detect");
        var streams = new KafkaStreams(topology, settings);
        streams.setGlobalStateRestoreListener(new Restoring());
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        DONE.await();
        streams.close();
    }
}
