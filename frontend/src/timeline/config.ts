export interface TimelineConfig {
  /** A person's. */
  device_id: string;
  /** How far it reaches. */
  days: number;
  /** Their changes mean that there may be news. */
  entities: string[];
  /** The sensor in whose unit glucose values are said. */
  glucose?: string;
}
