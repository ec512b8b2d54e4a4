import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.params.ZAddParams;

/**
 * Kafka Streams as its documentation writes it: a processor with state stores (RocksDB, with changelogs) that
 * know which views were counted and which word of a like is the last; counts go to Redis, 500 records a trip.
 */
public class Fold {
  static final int TRIP = 500;
  static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  static JsonNode task;
  static Pipeline redis;
  static long folded, beganNs, cpuNs;

  public static void main(String[] words) throws IOException {
    task = new ObjectMapper().readTree(new File(words[0]));
    redis = new Jedis(task.get("redis_url").asText()).pipelined();
    Map<Integer, GenericDatumReader<GenericRecord>> readers = new HashMap<>();
    task.get("schemas").properties().forEach(one -> readers.put(
        Integer.valueOf(one.getKey()),
        new GenericDatumReader<>(new Schema.Parser().parse(one.getValue().toString()))));
    List<String> topics = new ArrayList<>();
    task.get("topics").forEach(one -> topics.add(one.asText()));

    StreamsBuilder builder = new StreamsBuilder();
    for (String store : List.of("views", "likes")) {
      builder.addStateStore(Stores.keyValueStoreBuilder(
          Stores.persistentKeyValueStore(store), Serdes.String(), Serdes.String()));
    }
    builder.stream(topics, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .mapValues(value -> decode(readers, value))
        .process(Engagement::new, "views", "likes");

    Properties said = new Properties();
    said.put(StreamsConfig.APPLICATION_ID_CONFIG, task.get("prefix").asText().replace(":", ""));
    said.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, task.get("bootstrap").asText());
    said.put(StreamsConfig.STATE_DIR_CONFIG, new File("state").getAbsolutePath());
    said.put("auto.offset.reset", "earliest");
    new KafkaStreams(builder.build(), said).start();
  }

  static GenericRecord decode(Map<Integer, GenericDatumReader<GenericRecord>> readers, byte[] value) {
    if (beganNs == 0) {
      beganNs = System.nanoTime();
      cpuNs = SYSTEM.getProcessCpuTime();
    }
    BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
    try {
      return readers.get(ByteBuffer.wrap(value, 1, 4).getInt()).read(null, decoder);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  static class Engagement implements Processor<byte[], GenericRecord, Void, Void> {
    private final String prefix = task.get("prefix").asText();
    private KeyValueStore<String, String> views;
    private KeyValueStore<String, String> likes;

    @Override
    public void init(ProcessorContext<Void, Void> context) {
      views = context.getStateStore("views");
      likes = context.getStateStore("likes");
    }

    @Override
    public void process(Record<byte[], GenericRecord> record) {
      fold(record.value());
      folded++;
      if (folded % TRIP == 0 || folded == task.get("events").asLong()) {
        redis.sync();
      }
      if (folded == task.get("events").asLong()) {
        report();
      }
    }

    private void fold(GenericRecord event) {
      String actor = event.get("actor_id").toString(), video = event.get("video_id").toString();
      String kind = event.get("event_type").toString();
      long at = (Long) event.get("occurred_at");
      if (kind.equals("view.started")) {
        String view = video + "|" + event.get("view_id");
        if (views.putIfAbsent(view, "") == null) {
          redis.hincrBy(prefix + "count:" + video, "views", 1);
        }
        redis.zadd(prefix + "seen:" + actor, at, video, ZAddParams.zAddParams().gt());
        return;
      }
      String stands = kind.equals("video.liked") ? "1" : "0";
      String word = String.format("%015d|%s|%s", at, event.get("event_id"), stands);
      String pair = actor + "|" + video, before = likes.get(pair);
      if (before == null || word.compareTo(before) > 0) {
        likes.put(pair, word);
        boolean stood = before != null && before.endsWith("1");
        if (stood != stands.equals("1")) {
          redis.hincrBy(prefix + "count:" + video, "likes", stood ? -1 : 1);
        }
      }
    }
  }

  static void report() {
    double seconds = (System.nanoTime() - beganNs) / 1e9;
    double cpu = (SYSTEM.getProcessCpuTime() - cpuNs) / 1e9;
    System.out.printf(
        Locale.ROOT, "{\"events\": %d, \"seconds\": %f, \"cpu_s\": %f}%n", folded, seconds, cpu);
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }
}
