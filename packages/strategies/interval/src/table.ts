/** The table of open sections of the variant `scoped`: a head, then the slots, behind the records. */
import { struct, type Struct } from '@mmu-notifier/sync';

/** Most open sections of all agents together. */
export const sectionsMax = 1024;

const tableFields = {
  /** Sections started so far. */
  sections: 'wide',
  /** One past the last slot ever used. */
  bound: 'word',
} as const;

/** Its head. */
export const Table: Struct<typeof tableFields> = struct(tableFields);

const slotFields = {
  /** What `Table.sections` became when it started; 0 while free. */
  number: 'wide',
  start: 'wide',
  /** Inclusive. */
  last: 'wide',
} as const;

/** An open section in it. */
export const Slot: Struct<typeof slotFields> = struct(slotFields);

/** Bytes of all of it. */
export const tableByteLength: number = (Table.sizeWords + sectionsMax * Slot.sizeWords) * 4;
