-- what a picture looks like, beside what its bytes are: nearly the same pictures are found too
ALTER TABLE "product" ADD COLUMN     "picture_look" BIT(256);

GRANT UPDATE (picture_look) ON product TO fenzhan_app;
